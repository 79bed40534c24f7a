/*
 * Portcullis in the browser; every page works without it. It shows passwords, points out Caps Lock,
 * writes times for the reader's place and tells other tabs of signing out. Shortly before access
 * expires one tab renews it for all, while somebody uses the page: untouched, the session goes idle.
 * Where the browser knows passkeys it shows the forms that send one.
 *
 * For JSON calls to this origin: `await portcullis.fetch("/api/things", { method: "POST", body })`
 * is `fetch` that sends the CSRF proof with unsafe methods and, when access has expired, renews it
 * once and tries once more; other answers are yours. `portcullis.renew()` renews now and resolves
 * to whether access is good again.
 */
// Where our addresses begin, which is not always the root.
const ours = (path) => new URL(`../${path}`, import.meta.url);
const root = document.documentElement;
const data = document.body.dataset;
const all = (selector) => document.querySelectorAll(selector);
const lang = navigator.languages.find((l) => l.split("-")[0] === root.lang) ?? root.lang;

// The names are the settings'; the page says them, over HTTPS with the prefix that keeps neighbours out.
const cookie = (name) =>
  new Map(document.cookie.split("; ").map((c) => c.split(/=(.*)/s))).get(name) ?? "";
const mine = cookie(data.csrfRefresh);

// When access expires. If it changes while a tab waits for the lock, another one was first.
let until = Date.parse(data.accessExpires);
const life = data.accessLife * 1000 || Math.max(until - Date.now(), 60e3) || 0;
const early = Math.min(life / 4, 20e3 + Math.random() * 20e3);
const channel = new BroadcastChannel("portcullis");
let used = Date.now();
let refused = false;
let renewing = null;

const renewed = (time) => {
  until = time;
  show();
};
const ended = () => {
  refused = true;
  for (const message of all("[data-ended]")) message.hidden = false;
};
const ask = async (seen) => {
  await new Promise((done) => setTimeout(done, 100)); // for news sent before the lock came
  if (!Object.is(until, seen)) return true;
  if (refused) return false;
  const response = await fetch(ours("refresh"), {
    method: "POST",
    headers: { Accept: "application/json", [data.csrfHeader]: cookie(data.csrfRefresh) },
    signal: AbortSignal.timeout(10e3),
  }).catch(() => null);
  if (response?.ok) {
    renewed(Date.now() + life);
    channel.postMessage(until);
    return true;
  }
  refused = response?.status < 500; // for good: never a loop
  if (response?.status === 401) ended();
  return false;
};
const renew = (seen = until) =>
  (renewing ??= (
    navigator.locks?.request("portcullis", () => ask(seen)) ?? ask(seen)
  ).finally(() => (renewing = null)));

channel.onmessage = ({ data: news }) => {
  if (news === "hello") channel.postMessage(until);
  else if (news > (until || 0)) renewed(news);
  // Not a reload: that would send again what a form on this page had sent.
  else if (news === "signed out" && "signedIn" in data) location.replace(ours("login"));
};
// This page may be older than the last renewal.
channel.postMessage(all("[data-signed-out]").length ? "signed out" : "hello");

const send = async (input, options) => {
  const request = new Request(input, options);
  if (new URL(request.url).origin !== location.origin) throw TypeError("Not this origin");
  if (!request.headers.has("Accept")) request.headers.set("Accept", "application/json");
  const attempt = () => {
    const copy = request.clone();
    if (!/^(GET|HEAD|OPTIONS)$/.test(copy.method))
      copy.headers.set(data.csrfHeader, cookie(data.csrfAccess));
    return fetch(copy);
  };
  const seen = until;
  const response = await attempt();
  if (response.status !== 401) return response;
  const { code } = await response.clone().json().catch(() => ({}));
  if (code === "token_revoked") ended();
  // An expired access cookie that the browser has dropped is missing.
  const expired = code === "token_expired" || (code === "missing_token" && mine);
  return expired && (await renew(seen)) ? attempt() : response;
};
window.portcullis = Object.freeze({ fetch: send, renew: () => renew() });

const known = (() => {
  try {
    return Intl.getCanonicalLocales(lang)[0];
  } catch {
    return undefined; // a theme's language that browsers have no name for
  }
})();
const clock = new Intl.DateTimeFormat(known, {
  year: "numeric",
  month: "short",
  day: "numeric",
  hour: "numeric",
  minute: "2-digit",
  timeZoneName: "short",
});
function show() {
  for (const time of all("[data-access-time]")) if (until) time.dateTime = new Date(until).toISOString();
  for (const time of all("time[datetime]")) {
    const moment = Date.parse(time.dateTime); // not one, when it is a span of time
    if (!Number.isNaN(moment)) time.textContent = clock.format(moment);
  }
}
show();

const unit = (value, unit) =>
  new Intl.NumberFormat(known, { style: "unit", unit, unitDisplay: "short" }).format(value);
let next = 0;
const tick = async () => {
  const now = Date.now();
  const left = Math.ceil((until - now) / 1000);
  for (const place of all("[data-countdown]")) {
    const minutes = left < 60 ? "" : `${unit(Math.floor(left / 60), "minute")} `;
    place.textContent = left > 0 ? minutes + unit(left % 60, "second") : place.dataset.over;
    place.hidden = refused;
  }
  if (used >= until - life && !refused && !document.hidden && now > next && until - now < early)
    if (!(await renew())) next = now + 30e3;
};
if (life) {
  for (const type of ["pointerdown", "keydown", "wheel", "focus"])
    addEventListener(type, () => (used = Date.now()), { capture: true, passive: true });
  setInterval(tick, 1000);
  tick();
}

for (const button of all(".reveal")) {
  const input = document.getElementById(button.getAttribute("aria-controls"));
  const words = [button.textContent, button.dataset.hide];
  const reveal = (shown) => {
    input.type = shown ? "text" : "password";
    button.textContent = words[Number(shown)];
  };
  button.hidden = false;
  button.onclick = () => reveal(input.type === "password");
  // Sent as a password, so that the browser never remembers it as text.
  input.form.addEventListener("submit", () => reveal(false));
}
for (const button of all("[data-save]")) {
  button.hidden = false;
  button.onclick = () => {
    const text = [...all("[data-code]")].map((code) => code.textContent).join("\r\n");
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text], { type: "text/plain" }));
    link.download = button.dataset.save;
    link.click();
    URL.revokeObjectURL(link.href);
  };
}
// A passkey: the server says what to ask, the browser has it answered, the form brings the answer.
const Passkey = window.PublicKeyCredential;
const signal = (name, text) => text && Passkey[name]?.(JSON.parse(text)).catch(() => {});
const offer = (form) => {
  const create = "create" in form.dataset;
  const read = create ? "parseCreationOptionsFromJSON" : "parseRequestOptionsFromJSON";
  const button = form.querySelector("button");
  const cancelled = form.querySelector("[data-cancelled]");
  let asking = null;
  const options = () =>
    send(form.dataset.passkey, { method: "POST", headers: { "Content-Type": "application/json" } }).then(
      (response) => (response.ok ? response.json() : Promise.reject(response)),
    );
  const ask = async (mediation) => {
    asking?.abort(); // the browser answers one question at a time
    const mine = (asking = new AbortController());
    const asked = { publicKey: Passkey[read](await options()), signal: mine.signal, mediation };
    if (asking !== mine) return;
    const credential = await navigator.credentials[create ? "create" : "get"](asked);
    form.elements.credential.value = JSON.stringify(credential);
    for (const box of all("input[type=checkbox]"))
      if (form.elements[box.name]) form.elements[box.name].value = String(box.checked);
    form.submit();
  };
  const failed = (error) => (cancelled.hidden = error.name === "AbortError");
  button.onclick = () => {
    cancelled.hidden = true;
    ask().catch((error) => {
      failed(error);
      autofill();
    });
  };
  const autofill = async () => {
    if (!("autofill" in form.dataset) || !(await Passkey.isConditionalMediationAvailable?.())) return;
    const again = setTimeout(autofill, 225e3); // before what was asked is over
    ask("conditional").catch(() => clearTimeout(again));
  };
  signal("signalUnknownCredential", form.dataset.unknown);
  form.hidden = false;
  autofill();
};
if (Passkey?.parseRequestOptionsFromJSON) {
  for (const form of all("form[data-passkey]")) offer(form);
  for (const place of all("[data-accepted]")) signal("signalAllAcceptedCredentials", place.dataset.accepted);
}
for (const type of ["keydown", "keyup"])
  addEventListener(type, (event) => {
    const on = event.target.type === "password" && event.getModifierState?.("CapsLock");
    for (const hint of all("[data-caps]")) hint.hidden = !on;
  });

// A page that comes back whole from the browser's memory belongs to whoever was signed in then.
addEventListener("pageshow", (event) => {
  if (!event.persisted || cookie(data.csrfRefresh) === mine) return;
  root.hidden = true;
  location.replace(ours("login"));
});
