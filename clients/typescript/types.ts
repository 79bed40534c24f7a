/** What is said to Portcullis and what it answers, by the names of this client; schema.ts has all of it. */
import type { components } from "./schema.js";

/** Everything, by the names of the document. */
export type Schemas = components["schemas"];

/** A refusal: `msg` is for people, `code` a stable word for programs. */
export type Refused = Schemas["Refused"];

/** How a second step can be taken. */
export type Method = Schemas["FactorMethod"];

/** The answer to a password. */
export type SignedIn = Schemas["SignInAnswer"];

/** A moment, for programs and for people. */
export type Moment = Schemas["Moment"];

/** Somewhere that the person is signed in. */
export type Session = Schemas["Session"];

/** What proves a second factor, or a password again. */
export type Proof =
  | { method: "totp" | "recovery"; code: string }
  | { method: "passkey"; credential: Schemas["Credential"] };

/** What has to be proved before something is done: the password or a factor again, a factor, or a first factor. */
export type StepUp = "fresh_required" | "second_factor_required" | "factor_enrolment_required";
