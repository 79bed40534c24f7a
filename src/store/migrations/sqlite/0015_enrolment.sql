-- What a sign-in that is under way lacks: "factor", or "enrolment" of somebody who has none and needs one.
ALTER TABLE pending_sign_ins ADD COLUMN lacks TEXT NOT NULL DEFAULT 'factor';
