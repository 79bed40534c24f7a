/** What is said to Portcullis and what it answers; docs/interface.md has every call. */

/** A refusal: `msg` is for people, `code` a stable word for programs. */
export interface Refused {
  msg: string;
  code: string;
}

/** How a second step can be taken. */
export type Method = "totp" | "recovery" | "passkey";

/** The answer to a password. */
export type SignedIn =
  | { login: true; password_leaked?: true; access_token?: string; refresh_token?: string }
  | { login: false; next: "second_factor" | "factor_enrolment"; methods: Method[] };

/** What proves a second factor, or a password again. */
export type Proof =
  | { method: "totp" | "recovery"; code: string }
  | { method: "passkey"; credential: unknown };

/** A moment, for programs and for people. */
export interface Moment {
  iso: string;
  text: string;
}

/** Somewhere that the person is signed in. */
export interface Session {
  id: string;
  began: Moment;
  last_seen: Moment;
  browser: string | null;
  system: string | null;
  address: string | null;
  current: boolean;
}

/** What has to be proved before something is done: the password or a factor again, a factor, or a first factor. */
export type StepUp = "fresh_required" | "second_factor_required" | "factor_enrolment_required";
