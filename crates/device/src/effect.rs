use crate::View;
use splitkey::Profile;

/// What the shell is to do. The effects of one event are carried out in their order.
pub enum Effect {
    /// Replace the stored state by these bytes.
    ///
    /// They must be durable before the next effect is carried out. If they cannot be stored, drop the
    /// [`Phone`](crate::Phone) and restore it from what was stored last: going on with a token that is not on disk
    /// makes the server take the phone for a copy.
    Persist(Vec<u8>),
    /// Erase the stored state and the keystore's keys: there is no account any more.
    Wipe,
    /// Send this and answer with [`Event::Response`](crate::Event::Response) or
    /// [`Event::NoAnswer`](crate::Event::NoAnswer).
    Send(Request),
    /// Make keys, which takes seconds ([`NewKeys::generate`](crate::NewKeys::generate)), and answer with
    /// [`Event::KeysGenerated`](crate::Event::KeysGenerated).
    GenerateKeys(Profile),
    /// Show this to the person.
    Show(View),
    /// A same-device flow is over: open this address of the e-service, where the person goes on.
    OpenUrl(String),
}

/// Tells the answers apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RequestId(pub(crate) u64);

/// A request to the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// To be given back with the answer.
    pub id: RequestId,
    /// The method.
    pub method: Method,
    /// Absolute path on the server, without query.
    pub path: String,
    /// Names and values, the signature's among them.
    pub headers: Vec<(&'static str, String)>,
    /// Empty for none.
    pub body: Vec<u8>,
}

/// An HTTP method.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Method {
    Get,
    Post,
    Put,
    Delete,
}

impl Method {
    /// As in the request line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Delete => "DELETE",
        }
    }
}
