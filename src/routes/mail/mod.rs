//! What does somebody do who reads mail? Registers, proves an address, asks for a new password, follows a link.
//!
//! Where no mail is sent there is nothing of all this.

pub(crate) mod address;
pub(crate) mod forgotten;
pub(crate) mod link;
pub(crate) mod register;

use rocket::http::Status;

use crate::auth::What;
use crate::routes::answer::rejection::{NotDone, Rejection};
use crate::routes::answer::reply::Reply;
use crate::routes::answer::told::{Sent, Yes};
use crate::users::LinkError;

/// "If there is somebody to read it, a message is on its way": the same for everybody who asks.
pub(crate) fn sent() -> Reply {
    Reply::written_as(Status::Accepted, &Sent { sent: Yes })
}

/// Why nothing was sent, or a link was not followed.
pub(crate) fn rejected(error: LinkError) -> NotDone {
    match error {
        LinkError::Address(error) => Rejection::unfit("bad_address", &error).into(),
        LinkError::Taken => {
            let message = "The address is another account's";
            Rejection::new(Status::Conflict, "address_taken", message).into()
        }
        LinkError::NameTaken => {
            let message = "There is an account of this name already";
            Rejection::new(Status::Conflict, "name_taken", message).into()
        }
        LinkError::Username(error) => Rejection::unfit("bad_username", &error).into(),
        error @ LinkError::NameIsAddress => Rejection::unfit("name_is_address", &error).into(),
        error @ LinkError::NotAdmitted => Rejection::unfit("address_not_admitted", &error).into(),
        LinkError::Change(error) => Rejection::of_change(error, over()),
        LinkError::NotOpen => over().into(),
    }
}

/// None of ours, followed before, or too late: which of them is not told.
fn over() -> Rejection {
    let message = "This link cannot be followed any more";
    Rejection::new(Status::Gone, "link_over", message).noted(What::LinkRefused)
}
