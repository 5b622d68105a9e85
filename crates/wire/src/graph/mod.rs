//! The Graph calls API: calls, operations, notifications, request bodies and errors.

mod call;
mod chat;
mod enums;
mod error;
mod identity;
mod media;
mod meeting;
mod notification;
mod number;
mod online_meeting;
mod operation;
mod participant;
mod request;
pub mod tag;
mod user;

pub use call::*;
pub use chat::*;
pub use enums::*;
pub use error::*;
pub use identity::*;
pub use media::*;
pub use meeting::*;
pub use notification::*;
pub use online_meeting::*;
pub use operation::*;
pub use participant::*;
pub use request::*;
pub use user::*;
