// Written by generate.mjs from /openapi.json; change it there.
export interface components {
    schemas: {
        /** @description Somebody's account. */
        Account: {
            display_name: string | null;
            email: string | null;
            /** @description How many apps and passkeys they have. */
            factors: number;
            /** @description In which language they are spoken to (RFC 5646); that of their browser where there is none. */
            language: string | null;
            made: components["schemas"]["Moment"] | null;
            roles: string[];
            username: string;
        };
        /** @description The own account is about to go. */
        AccountLeaves: {
            deleted: components["schemas"]["Yes"];
            /** @description When it is gone. */
            leaves_at: components["schemas"]["Moment"];
        };
        /** @description What happened, fifty at a time. */
        Activity: {
            events: components["schemas"]["Event"][];
            /** @description The address of what follows. */
            next: string | null;
        };
        /** @description The password, or for somebody who has a factor a code of it or a passkey; and where the person was. */
        Again: {
            code?: string | null;
            credential?: components["schemas"]["Credential"] | null;
            method?: components["schemas"]["FactorMethod"] | null;
            password?: string | null;
        };
        /** @description The answer to the first code of an app: recovery codes with the first factor, later none. */
        AppConfirmed: components["schemas"]["RecoveryCodes"] | components["schemas"]["CodeConfirmed"];
        /** @description What an authenticator app is given. */
        AppSecret: {
            /** @description With which its first code is sent. */
            id: string;
            /** @description The key in base 32, for typing. */
            secret: string;
            /** @description The same as `otpauth://…`, for a picture. */
            uri: string;
        };
        /** @description A session has begun. */
        Begun: {
            /** @description With `"delivery": "body"`. */
            access_token?: string;
            login: components["schemas"]["Yes"];
            /** @description The password is one that was stolen elsewhere. */
            password_leaked?: components["schemas"]["Yes"];
            /** @description When a first factor was taken into use on the way, shown this once. */
            recovery_codes?: string[];
            /** @description With `"delivery": "body"`. */
            refresh_token?: string;
        };
        /** @description It was right. */
        CodeConfirmed: {
            confirmed: components["schemas"]["Yes"];
        };
        /** @description The code that was issued last is worth nothing any more. */
        CodeTakenBack: {
            withdrawn: components["schemas"]["Yes"];
        };
        /** @description `POST /cookies/clear`. */
        CookiesCleared: {
            cleared: components["schemas"]["Yes"];
        };
        /** @description What `PublicKeyCredential.toJSON()` gives, whole */
        Credential: {
            [key: string]: unknown;
        };
        /** @description What a person sends to sign in. */
        Credentials: {
            delivery?: components["schemas"]["Delivery"] | null;
            password: string;
            remember?: boolean;
            username: string;
        };
        /**
         * @description Where a program wants its tokens.
         * @enum {string}
         */
        Delivery: "cookies" | "body";
        /** @description The first code of an app. */
        EnrolledApp: {
            code: string;
            delivery?: components["schemas"]["Delivery"] | null;
            id: string;
            label?: string;
        };
        /** @description A passkey that was just made. */
        EnrolledPasskey: {
            credential: components["schemas"]["Credential"];
            delivery?: components["schemas"]["Delivery"] | null;
            label?: string;
        };
        /** @description Something that happened, as pages tell it. */
        Event: {
            /** @description The administrator who did it. */
            by?: string;
            detail?: string;
            key: string;
            /** @description The roles that the account has from then on, in one line. */
            roles?: string;
            when: components["schemas"]["Moment"];
        };
        /** @description The code and the password that it is exchanged for; a form asks for the password twice. */
        Exchange: {
            code: string;
            new_password: string;
            username: string;
        };
        /** @description Everything that is kept of somebody. */
        Export: {
            display_name: string | null;
            email: components["schemas"]["ExportedAddress"] | null;
            events: components["schemas"]["Event"][];
            factors: components["schemas"]["ExportedFactor"][];
            language: string | null;
            made: components["schemas"]["Moment"] | null;
            /** Format: int32 */
            recovery_codes_left: number;
            /** @description Of an account that is one of ours. */
            roles: string[] | null;
            sessions: components["schemas"]["Session"][];
            trusted_browsers: components["schemas"]["ExportedBrowser"][];
            username: string;
        };
        /** @description The address for messages, when it was proved, and in which language they are written. */
        ExportedAddress: {
            address: string;
            language: string;
            proved: components["schemas"]["Moment"];
        };
        ExportedBrowser: {
            browser: string;
            since: components["schemas"]["Moment"];
            until: components["schemas"]["Moment"];
        };
        ExportedFactor: {
            kind: components["schemas"]["FactorWord"];
            label: string;
            last_used: components["schemas"]["Moment"] | null;
            made: components["schemas"]["Moment"];
        };
        /** @description Whether somebody needs a factor, whatever the roles. */
        FactorDemand: {
            factor_required: boolean;
        };
        /**
         * @description What is given for a factor.
         * @enum {string}
         */
        FactorMethod: "totp" | "recovery" | "passkey";
        /**
         * @description The words for kinds of factors.
         * @enum {string}
         */
        FactorWord: "totp" | "passkey";
        /** @description The next attempt to sign in need not wait. */
        FailuresForgiven: {
            /** Format: int32 */
            failures: number;
        };
        /** @description The proof that an app has the secret. */
        FirstCode: {
            code: string;
            id: string;
            label?: string;
        };
        /** @description What a link asks for: a new password, a name, or nothing. A form asks for the password twice. */
        Following: {
            new_password?: string | null;
            username?: string | null;
        };
        /** @description Whose password was forgotten: a name or an address. */
        Forgotten: {
            account: string;
        };
        /** @description Roles as they were sent: a list in JSON, one line in a form. */
        GivenRoles: string[] | string;
        /** @description The roles that somebody has from now on. */
        GrantedRoles: {
            /** @description How many sessions that ended. */
            ended: number;
            roles: string[];
        };
        /** @description A password was right and is not enough. */
        Halfway: {
            login: components["schemas"]["No"];
            /** @description By which of them it can be done. */
            methods: components["schemas"]["FactorMethod"][];
            next: components["schemas"]["StillAsked"];
        };
        /** @description Whom to send a link by which they become somebody here; the name is theirs to choose where none is given. */
        Invited: {
            email: string;
            roles?: components["schemas"]["GivenRoles"];
            username?: string | null;
        };
        /** @description A one-time code, which is shown this once. */
        IssuedCode: {
            code: string;
            /** @description Until when it can be exchanged for a password. */
            expires: components["schemas"]["Moment"];
            username: string;
        };
        /** @description Somebody is kept out. */
        KeptOut: {
            disabled: components["schemas"]["Yes"];
            /** @description How many sessions that ended. */
            ended: number;
        };
        /** @description Somebody is let in again. */
        LetIn: {
            disabled: components["schemas"]["No"];
        };
        /** @description What a link did. */
        LinkFollowed: {
            /** @description Its purpose. */
            done: string;
            /** @description How many sessions it ended. */
            ended: number;
        };
        /** @description The program's event loop turns. */
        Live: {
            live: components["schemas"]["Yes"];
        };
        /** @description Who asks. */
        LoggedIn: {
            logged_in_as: string;
        };
        /** @description What a link would do. */
        LookedAt: {
            email: string;
            /** @description `prove`, `reset`, `undo`, `not_me`, `join` or `stay`. */
            purpose: string;
            /** @description None where one is to be chosen. */
            username: string | null;
        };
        /** @description A message as administrators see it. */
        Message: {
            account?: string;
            /** Format: int32 */
            attempts: number;
            error?: string;
            id: string;
            letter: string;
            /** @description When it is tried next; nobody tries it any more where this is not there. */
            next?: components["schemas"]["Moment"];
            to: string;
            written: components["schemas"]["Moment"];
        };
        /** @description A message was tried again, or dropped. */
        MessageDone: {
            done: components["schemas"]["Yes"];
        };
        /** @description A moment, for programs and for people. */
        Moment: {
            /** @description As RFC 3339 has it, in UTC. */
            iso: string;
            text: string;
        };
        /** @description The address that somebody wants to have. */
        NewAddress: {
            email: string;
        };
        /** @description What a browser made. */
        NewPasskey: {
            credential: components["schemas"]["Credential"];
            label?: string;
        };
        /** @description The current password and the new one; a form asks for the new one twice. */
        NewPassword: {
            current_password: string;
            new_password: string;
        };
        /** @description Whom to make an account for. */
        NewPerson: {
            roles?: components["schemas"]["GivenRoles"];
            username: string;
        };
        /** @description What somebody says of themselves; what is not there stays as it was, and what is empty is taken away. */
        NewProfile: {
            display_name?: string | null;
            language?: string | null;
        };
        /** @description The roles that a person is to have. */
        NewRoles: {
            roles: components["schemas"]["GivenRoles"];
        };
        /** @description The next pair of tokens, in cookies, or here where the token came by header. */
        NewTokens: {
            access_token?: string;
            refresh: components["schemas"]["Yes"];
            refresh_token?: string;
        };
        /** @enum {boolean} */
        No: false;
        /** @description Messages that wait, the oldest first. */
        Outgoing: {
            messages: components["schemas"]["Message"][];
        };
        /** @description The address for messages. */
        OwnAddress: {
            /** @description None where there is none that was proved. */
            email: string | null;
        };
        /** @description A browser in which a password is enough; the times are seconds since 1970. */
        OwnBrowser: {
            /** @description What it calls itself. */
            browser: string;
            id: string;
            /** Format: int64 */
            since: number;
            /** Format: int64 */
            until: number;
        };
        /** @description A factor; the times are seconds since 1970. */
        OwnFactor: {
            id: string;
            kind: components["schemas"]["FactorWord"];
            label: string;
            /** Format: int64 */
            last_used: number | null;
            /** Format: int64 */
            made: number;
        };
        /** @description What somebody has besides a password, and where a password is enough. */
        OwnFactors: {
            factors: components["schemas"]["OwnFactor"][];
            /** Format: int32 */
            recovery_codes_left: number;
            trusted_browsers: components["schemas"]["OwnBrowser"][];
        };
        /** @description Where somebody is signed in. */
        OwnSessions: {
            /** @description The one that asks first, then the last used first. */
            sessions: components["schemas"]["Session"][];
        };
        /** @description A part of everybody, by name. */
        PartOfPeople: {
            /** @description The name behind which it goes on. */
            next: string | null;
            people: components["schemas"]["Person"][];
        };
        /** @description A passkey, and whether to remember the browser. */
        Passkey: {
            credential: components["schemas"]["Credential"];
            delivery?: components["schemas"]["Delivery"] | null;
            remember?: boolean;
        };
        /** @description A passkey was taken into use. */
        PasskeyAdded: {
            id: string;
            /** @description With the first factor, shown this once. */
            recovery_codes?: string[];
        };
        /** @description `POST /account/password`. */
        PasswordChanged: {
            password_changed: components["schemas"]["Yes"];
        };
        /** @description `POST /account/code`. */
        PasswordChosen: {
            password_chosen: components["schemas"]["Yes"];
        };
        /** @description A person as administrators see them. */
        Person: {
            disabled: boolean;
            last_sign_in?: components["schemas"]["Moment"];
            made: components["schemas"]["Moment"];
            name: string;
            /** @description The address of the person's page. */
            path: string;
            roles: string[];
            /**
             * Format: int32
             * @description How many live sessions there are.
             */
            sessions: number;
        };
        /** @description A person, as administrators see them. */
        PersonInFull: {
            code_until: components["schemas"]["Moment"] | null;
            display_name: string | null;
            email: string | null;
            events: components["schemas"]["Event"][];
            factor_required: boolean;
            /** @description How many apps and passkeys they have. */
            factors: number;
            /**
             * Format: int32
             * @description How many attempts to sign in failed in a row.
             */
            failures: number;
            leaves_at: components["schemas"]["Moment"] | null;
            next_attempt: components["schemas"]["Moment"] | null;
            person: components["schemas"]["Person"];
            sessions: components["schemas"]["Session"][];
        };
        /** @description Somebody's account is about to go. */
        PersonLeaves: {
            deleted: components["schemas"]["Yes"];
            /** @description How many sessions that ended. */
            ended: number;
            /** @description When it is gone. */
            leaves_at: components["schemas"]["Moment"];
        };
        /** @description Whether people may be sent here. */
        Ready: {
            ready: boolean;
        };
        /** @description The password or a factor was given again. */
        Reauthenticated: {
            fresh: components["schemas"]["Yes"];
        };
        /** @description New recovery codes, which are shown this once. */
        RecoveryCodes: {
            recovery_codes: string[];
        };
        /** @description Why something was not done */
        Refused: {
            /** @description A stable word for programs */
            code: string;
            /** @description For people */
            msg: string;
        };
        /** @description Who wants an account. A form asks for the password twice. */
        Registering: {
            email: string;
            password: string;
            username: string;
        };
        /** @description A factor, or the trust in a browser, was taken away. */
        Removed: {
            removed: components["schemas"]["Yes"];
        };
        /** @description A code, and what kind it is, which a form leaves to us; or what a browser brings of a passkey. */
        SecondCode: {
            code?: string | null;
            credential?: components["schemas"]["Credential"] | null;
            delivery?: components["schemas"]["Delivery"] | null;
            method?: components["schemas"]["FactorMethod"] | null;
            /** @description Whether a password is to be enough in this browser for a while. */
            trust?: boolean;
        };
        /** @description A message is on its way, if there is somebody to read it. */
        Sent: {
            sent: components["schemas"]["Yes"];
        };
        /** @description A session as its owner sees it. */
        Session: {
            address?: string;
            began: components["schemas"]["Moment"];
            browser?: string;
            current: boolean;
            id: string;
            last_seen: components["schemas"]["Moment"];
            system?: string;
        };
        /** @description Sessions were ended. */
        SessionsEnded: {
            /** @description How many. */
            ended: number;
        };
        /** @description The answer to whoever proved who they are: they are in, or something more is asked for. */
        SignInAnswer: components["schemas"]["Begun"] | components["schemas"]["Halfway"];
        /** @description `POST /logout`. */
        SignedOut: {
            logout: components["schemas"]["Yes"];
        };
        /**
         * @description What has to be done before a session begins.
         * @enum {string}
         */
        StillAsked: "second_factor" | "factor_enrolment";
        /** @enum {boolean} */
        Yes: true;
    };
    responses: never;
    parameters: never;
    requestBodies: never;
    headers: never;
    pathItems: never;
}
