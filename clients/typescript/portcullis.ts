/**
 * A client for Portcullis: signs in and out, sends the proof with what changes something, renews access once when it has
 * expired, and tells when more has to be proved. It needs nothing but `fetch`.
 *
 * In a page of the same origin, cookies do the rest:
 *
 *     const portcullis = new Portcullis();
 *     const answer = await portcullis.signIn("ada", password);
 *     if (!answer.login) await portcullis.prove({ method: "totp", code });
 *     const things = await portcullis.fetch("/api/things", { method: "POST", body });
 *
 * A page of another origin (auth.trusted_origins) gives the address, and the client keeps the proofs that come in headers;
 * a program, or a page of another site, asks for tokens in answers with `tokens: true`.
 */
import type { Proof, Refused, Schemas, Session, SignedIn, StepUp } from "./types.js";

export type * from "./types.js";

/** How to reach it; the defaults are those of Portcullis. */
export interface Options {
  /** Where it is, with `app.base_path`; by default this page's own origin. */
  at?: string | URL;
  /** Whether tokens travel in headers, and are kept in memory here. */
  tokens?: boolean;
  /** How to ask; by default the global `fetch`. */
  fetch?: typeof globalThis.fetch;
  /** What has to be proved before a call is done; once it resolves to `true`, the call is made again. */
  stepUp?: (what: StepUp) => Promise<boolean>;
  /** The names that the settings give (auth.names). */
  names?: Partial<typeof NAMES>;
}

/** What the server refused. */
export class PortcullisError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    /** When to try again, in seconds, where the server says so. */
    readonly retryAfter?: number,
  ) {
    super(message);
    this.name = "PortcullisError";
  }
}

const NAMES = { access: "csrf_access_token", refresh: "csrf_refresh_token", header: "X-CSRF-TOKEN" };
const STEP_UPS: readonly string[] = ["fresh_required", "second_factor_required", "factor_enrolment_required"];
type Kind = "access" | "refresh";

export class Portcullis {
  readonly #at: string;
  readonly #ask: typeof globalThis.fetch;
  readonly #options: Options;
  readonly #names: typeof NAMES;
  /** The proofs of this session, where they came in headers. */
  readonly #proofs: Partial<Record<Kind, string>> = {};
  #tokens: Partial<Record<Kind, string>> = {};
  #renewing: Promise<boolean> | null = null;
  /** How often access was renewed: whoever failed before that need not renew again. */
  #renewals = 0;

  constructor(options: Options = {}) {
    this.#options = options;
    this.#at = String(options.at ?? globalThis.location?.origin ?? "").replace(/\/$/, "");
    this.#ask = options.fetch ?? globalThis.fetch.bind(globalThis);
    this.#names = { ...NAMES, ...options.names };
  }

  /** Signs in; `login` is `false` where a second step is asked for. */
  async signIn(username: string, password: string, remember = false): Promise<SignedIn> {
    return this.#entered(await this.#post("/login", { username, password, remember, ...this.#delivery() }));
  }

  /** Takes the second step of signing in. */
  async prove(proof: Proof, trust = false): Promise<SignedIn> {
    return this.#entered(await this.#post("/login/factor", { ...proof, trust, ...this.#delivery() }));
  }

  /** Proves again who is here, by the password or by a factor, so that what must be fresh is done. */
  async reauthenticate(proof: Proof | { password: string }): Promise<void> {
    await this.#read(await this.#call("/reauthenticate", this.#json(proof)));
  }

  /** Signs out, here and at once; whoever is not signed in is signed out already. */
  async signOut(): Promise<void> {
    await this.#read(await this.#send("/logout", { method: "POST" }, "access"));
    this.#tokens = {};
    this.#proofs.access = this.#proofs.refresh = undefined;
  }

  /** Whose session this is; `null` for nobody's. */
  async whoAmI(): Promise<string | null> {
    const answer = await this.#call("/protected", {});
    if (answer.status === 401) return null;
    return (await this.#read<Schemas["LoggedIn"]>(answer)).logged_in_as;
  }

  /** Everywhere that the person is signed in. */
  async sessions(): Promise<Session[]> {
    return (await this.#read<Schemas["OwnSessions"]>(await this.#call("/sessions", {}))).sessions;
  }

  /** Ends another session. */
  async endSession(id: string): Promise<void> {
    await this.#read(await this.#call(`/sessions/${encodeURIComponent(id)}/end`, { method: "POST" }));
  }

  /**
   * Asks this server or another one of its origin, as `fetch` does: with the proof where something is changed, renewed once
   * when access has expired, and after `stepUp` when more has to be proved. Other answers are the caller's.
   */
  async fetch(path: string, init: RequestInit = {}): Promise<Response> {
    const answer = await this.#call(path, init);
    const code = await codeOf(answer);
    if (!STEP_UPS.includes(code) || !this.#options.stepUp) return answer;
    return (await this.#options.stepUp(code as StepUp)) ? this.#call(path, init) : answer;
  }

  /** Renews access; whether it is good again. Whoever asks meanwhile waits for the same answer. */
  renew(): Promise<boolean> {
    this.#renewing ??= this.#renewed().finally(() => (this.#renewing = null));
    return this.#renewing;
  }

  async #renewed(): Promise<boolean> {
    const answer = await this.#send("/refresh", { method: "POST" }, "refresh");
    if (!answer.ok) return false;
    this.#keep(await answer.json());
    this.#renewals += 1;
    return true;
  }

  /** The call, made again when access had expired and could be renewed. */
  async #call(path: string, init: RequestInit): Promise<Response> {
    const before = this.#renewals;
    const answer = await this.#send(path, init, "access");
    if (answer.status !== 401) return answer;
    const code = await codeOf(answer);
    // A browser drops the cookie of an access token that has expired.
    const isOver = code === "token_expired" || (code === "missing_token" && this.#canRenew());
    if (!isOver) return answer;
    const isGood = this.#renewals !== before || (await this.renew());
    return isGood ? this.#send(path, init, "access") : answer;
  }

  #canRenew(): boolean {
    return (this.#options.tokens ? this.#tokens.refresh : this.#proof("refresh")) !== undefined;
  }

  async #send(path: string, init: RequestInit, kind: Kind): Promise<Response> {
    const headers = new Headers(init.headers);
    if (!headers.has("Accept")) headers.set("Accept", "application/json");
    const token = this.#tokens[kind];
    const proof = this.#proof(kind);
    const isUnsafe = !/^(GET|HEAD|OPTIONS)$/i.test(init.method ?? "GET");
    if (token) headers.set("Authorization", `Bearer ${token}`);
    else if (isUnsafe && proof) headers.set(this.#names.header, proof);
    const credentials = this.#options.tokens ? "omit" : "include";
    const answer = await this.#ask(this.#at + path, { credentials, ...init, headers });
    for (const which of ["access", "refresh"] as const)
      this.#proofs[which] = answer.headers.get(`X-CSRF-${which}-Token`) ?? this.#proofs[which];
    return answer;
  }

  /** The proof of a cookie: out of the cookie beside it, or out of the header that it came in. */
  #proof(kind: Kind): string | undefined {
    const cookies = globalThis.document?.cookie ?? "";
    const found = cookies.split("; ").map((pair) => pair.split(/=(.*)/s));
    const name = this.#names[kind];
    return found.find(([key]) => key === name || key === `__Host-${name}`)?.[1] ?? this.#proofs[kind];
  }

  #post(path: string, body: unknown): Promise<Response> {
    return this.#send(path, this.#json(body), "access");
  }

  #json(body: unknown): RequestInit {
    return { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
  }

  #delivery(): { delivery?: "body" } {
    return this.#options.tokens ? { delivery: "body" } : {};
  }

  async #entered(answer: Response): Promise<SignedIn> {
    const told = await this.#read<SignedIn>(answer);
    if (told.login) this.#keep(told);
    return told;
  }

  #keep(told: { access_token?: string; refresh_token?: string }): void {
    if (told.access_token) this.#tokens = { access: told.access_token, refresh: told.refresh_token };
  }

  /** The answer, or the refusal as an error. */
  async #read<T>(answer: Response): Promise<T> {
    const told = (await answer.json().catch(() => ({}))) as T & Partial<Refused>;
    if (answer.ok) return told;
    const seconds = Number(answer.headers.get("Retry-After") ?? NaN);
    const retryAfter = Number.isNaN(seconds) ? undefined : seconds;
    throw new PortcullisError(answer.status, told.code ?? "unknown", told.msg ?? answer.statusText, retryAfter);
  }
}

/** The word of a refusal; the answer can still be read. */
async function codeOf(answer: Response): Promise<string> {
  if (answer.ok) return "";
  const told: Partial<Refused> = await answer.clone().json().catch(() => ({}));
  return told.code ?? "";
}
