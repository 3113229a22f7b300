//! What crosses a boundary: the HTTP API between a console and `mailcupd`, and (in [`desktop`]) the boundary
//! between a window and the desktop core. Both ends compile against these types; they hold no behaviour
//! beyond reading, writing and checking themselves.

mod access;
mod account;
mod admin;
mod alert;
mod app_password;
mod audit;
mod backup;
mod backup_target;
mod block;
pub mod desktop;
mod event;
mod health;
mod id;
mod import;
mod invitation;
mod key;
mod limit;
mod mail_server;
mod network;
mod notice;
mod page;
mod place;
mod policy;
mod problem;
mod second_factor;
mod session;
mod settings;
mod setup;
mod time;

pub use access::*;
pub use account::*;
pub use admin::*;
pub use alert::*;
pub use app_password::*;
pub use audit::*;
pub use backup::*;
pub use backup_target::*;
pub use block::*;
pub use event::*;
pub use health::*;
pub use id::*;
pub use import::*;
pub use invitation::*;
pub use key::*;
pub use limit::*;
pub use mail_server::*;
pub use network::*;
pub use notice::*;
pub use page::*;
pub use place::*;
pub use policy::*;
pub use problem::*;
pub use second_factor::*;
pub use session::*;
pub use settings::*;
pub use setup::*;
pub use time::*;

/// Adds what every wire type derives, so that a type says only what is particular to it.
macro_rules! wire {
    ($($(#[$meta:meta])* pub $kind:ident $name:ident $body:tt $(;)?)*) => {$(
        #[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
        #[cfg_attr(feature = "specta", derive(specta::Type))]
        $(#[$meta])*
        pub $kind $name $body
    )*};
}
pub(crate) use wire;

/// Describes a type with a text form of its own as a string, in OpenAPI and TypeScript.
macro_rules! described_as_text {
    ($name:ident, $format:expr, $example:literal) => {
        #[cfg(feature = "openapi")]
        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
                let format: Option<&str> = $format;
                utoipa::openapi::ObjectBuilder::new()
                    .schema_type(utoipa::openapi::schema::Type::String)
                    .format(format.map(|name| utoipa::openapi::SchemaFormat::Custom(name.to_owned())))
                    .examples([serde_json::json!($example)])
                    .into()
            }
        }

        #[cfg(feature = "openapi")]
        impl utoipa::ToSchema for $name {
            fn name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }
        }

        #[cfg(feature = "specta")]
        impl specta::Type for $name {
            fn definition(types: &mut specta::Types) -> specta::datatype::DataType {
                <String as specta::Type>::definition(types)
            }
        }
    };
}
pub(crate) use described_as_text;

/// The API version in the path of every endpoint.
pub const API_VERSION: &str = "v1";
