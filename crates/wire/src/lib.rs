//! What goes over HTTP, as plain data: the Graph calls API, activities, tokens and key sets, the call
//! journal.
//!
//! Reading is tolerant, writing is exact. Enumerations are read in any case and an unknown member
//! is kept as it came; numbers that older examples quote as strings are read as numbers; open
//! types keep the properties we do not know. What we write is camelCase, typed and complete.
//!
//! Nothing here decides anything: a missing or impossible parameter is an `Option` for the edge
//! that received it to refuse in its own words.
//!
//! ```
//! use offhook_wire::graph::{CallState, Notifications, ResourceData};
//!
//! let body = r##"{"value":[{"changeType":"Updated","resourceUrl":"/communications/calls/57DAB8B1894C409AB240BD8BEAE78896",
//!     "resourceData":{"@odata.type":"#microsoft.graph.call","state":"Established"}}]}"##;
//! let batch: Notifications = serde_json::from_str(body).unwrap();
//! let ResourceData::Call(call) = &batch.value[0].resource_data else { panic!("not a call") };
//! assert_eq!(call.state, Some(CallState::Established));
//! ```

mod extra;
mod open_enum;

pub mod activity;
pub mod graph;
pub mod journal;
pub mod oauth;
pub mod openid;
pub mod private;

pub use extra::Extra;
