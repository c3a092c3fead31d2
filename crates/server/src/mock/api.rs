//! `/mock/…`: device links for the accounts' phones, and the testers' own accounts.

mod accounts;

use super::{Mock, browser::Browser};
use crate::json_api::{self, Fields, JsonBody, Refusal};
use axum::{
    Router,
    extract::{DefaultBodyLimit, State},
    http::{HeaderValue, StatusCode},
    routing::{get, post, put},
};
use serde_json::{Map, Value};
use std::str::FromStr;
use tracing::error;
use wire::{
    DocumentNumber, FlowType,
    device_link::{DeviceLink, DeviceLinkType},
    rp_v3::MAX_CALLBACK_URL,
};

/// A body has a link, a callback URL and a cookie.
const MAX_BODY: usize = 16 * 1024;

impl Mock {
    /// The mock's own routes.
    pub fn routes(&self) -> Router {
        Router::new()
            .route("/mock/device-link", post(use_device_link))
            .route("/mock/accounts", get(accounts::list).post(accounts::make))
            .route(
                "/mock/accounts/{document-number}",
                put(accounts::change).delete(accounts::delete),
            )
            .layer(DefaultBodyLimit::max(MAX_BODY))
            .with_state(self.clone())
    }
}

/// What is sent to `/mock/device-link`.
struct DeviceLinkRequest {
    number: DocumentNumber,
    link: DeviceLink,
    browser: Option<Browser>,
}

/// Has an account's phone use a device link. It is 200 whatever comes of it, as in SK's demo: the session tells.
async fn use_device_link(State(mock): State<Mock>, body: JsonBody) -> Result<StatusCode, Refusal> {
    let DeviceLinkRequest {
        number,
        link,
        browser,
    } = parse(&object(&body)?).map_err(json_api::invalid)?;
    let account = mock.account(&number).ok_or_else(|| {
        let why = "no account of the mock has this document number; see GET /mock/accounts";
        json_api::invalid(vec![wire::problem::FieldError::at("/documentNumber", why)])
    })?;
    let phone = mock
        .phone_of(&account)
        .await
        .map_err(|error| unavailable(&error))?;
    phone.scan(link.text().to_owned(), browser);
    Ok(StatusCode::OK)
}

fn parse(body: &Map<String, Value>) -> Result<DeviceLinkRequest, Vec<wire::problem::FieldError>> {
    let mut fields = Fields::of(body);
    let number = fields.required("documentNumber");
    let link = fields.required::<Link>("deviceLink");
    let flow_type = fields.required::<Flow>("flowType");
    if let (Some(Link(link)), Some(Flow(flow_type))) = (&link, flow_type)
        && flow_of(link) != flow_type
    {
        fields.wrong("flowType", "the device link is of another type");
    }
    let same_device = flow_type.is_some_and(|Flow(flow_type)| flow_type != FlowType::Qr);
    let browser = if same_device {
        let callback_url = fields.required::<CallbackUrl>("initialCallbackUrl");
        let cookie = fields.required::<Cookie>("browserCookie");
        callback_url
            .zip(cookie)
            .map(|(CallbackUrl(callback_url), Cookie(cookie))| Browser {
                callback_url,
                cookie,
            })
    } else {
        None
    };
    match (number, link) {
        (Some(number), Some(Link(link))) if fields.errors.is_empty() => Ok(DeviceLinkRequest {
            number,
            link,
            browser,
        }),
        _ => Err(fields.errors),
    }
}

fn flow_of(link: &DeviceLink) -> FlowType {
    match link.link_type() {
        DeviceLinkType::Qr { .. } => FlowType::Qr,
        DeviceLinkType::Web2App => FlowType::Web2App,
        DeviceLinkType::App2App => FlowType::App2App,
    }
}

struct Link(DeviceLink);

impl FromStr for Link {
    type Err = wire::device_link::DeviceLinkError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        DeviceLink::parse(text).map(Self)
    }
}

#[derive(Clone, Copy)]
struct Flow(FlowType);

impl FromStr for Flow {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "QR" => Ok(Self(FlowType::Qr)),
            "Web2App" => Ok(Self(FlowType::Web2App)),
            "App2App" => Ok(Self(FlowType::App2App)),
            _ => Err("expected QR, Web2App or App2App"),
        }
    }
}

struct CallbackUrl(String);

impl FromStr for CallbackUrl {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let rest = text.strip_prefix("https://").unwrap_or_default();
        let is_long = text.chars().count() > MAX_CALLBACK_URL;
        if rest.is_empty() || rest.contains(['|', '#']) || is_long {
            return Err("expected an https URL without | and #, as in the session");
        }
        Ok(Self(text.to_owned()))
    }
}

/// Value of a `Cookie` header. A JSON object of names and values is written as one.
struct Cookie(String);

impl FromStr for Cookie {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let value = match serde_json::from_str::<Map<String, Value>>(text) {
            Ok(pairs) => {
                let pairs: Vec<_> = pairs
                    .iter()
                    .map(|(name, value)| match value {
                        Value::String(value) => format!("{name}={value}"),
                        other => format!("{name}={other}"),
                    })
                    .collect();
                pairs.join("; ")
            }
            Err(_) => text.to_owned(),
        };
        match HeaderValue::from_str(&value) {
            Ok(_) if !value.is_empty() => Ok(Self(value)),
            _ => Err("expected what a Cookie header may have"),
        }
    }
}

/// The body's object.
fn object(JsonBody(body): &JsonBody) -> Result<Map<String, Value>, Refusal> {
    serde_json::from_slice(body)
        .map_err(|error| json_api::malformed(StatusCode::BAD_REQUEST, error.to_string()))
}

/// Nothing the tester can mend.
fn unavailable(error: &anyhow::Error) -> Refusal {
    error!(error = format!("{error:#}"), "the mock cannot do it");
    json_api::problem(
        StatusCode::SERVICE_UNAVAILABLE,
        "unavailable",
        None,
        Vec::new(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const QR: &str = "https://sid.example/device-link?deviceLinkType=QR&elapsedSeconds=1&sessionToken=abcdefghijklmnopqrstuvwx&sessionType=auth&version=1.0&lang=eng&authCode=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

    fn same_device() -> Value {
        json!({
            "documentNumber": "PNOEE-40404040009-MOCK-Q",
            "deviceLink": QR.replace("QR&elapsedSeconds=1", "Web2App"),
            "flowType": "Web2App",
            "browserCookie": "a=b;c=d",
            "initialCallbackUrl": "https://rp.example.com/callback-url?value=x",
        })
    }

    fn pointers(body: &Value) -> Vec<String> {
        match parse(body.as_object().unwrap()) {
            Ok(_) => Vec::new(),
            Err(errors) => errors
                .into_iter()
                .filter_map(|error| error.pointer)
                .collect(),
        }
    }

    #[test]
    fn the_documented_example_is_taken() {
        let body = same_device();
        let request = parse(body.as_object().unwrap()).unwrap_or_else(|_| panic!("refused"));
        assert_eq!(request.number.to_string(), "PNOEE-40404040009-MOCK-Q");
        assert_eq!(request.link.text(), body["deviceLink"]);
        assert_eq!(request.browser.unwrap().cookie, "a=b;c=d");
    }

    #[test]
    fn a_qr_flow_needs_no_browser_and_ignores_one() {
        let mut body = same_device();
        body["deviceLink"] = json!(QR);
        body["flowType"] = json!("QR");
        body["browserCookie"] = json!(7);
        let request = parse(body.as_object().unwrap()).unwrap_or_else(|_| panic!("refused"));
        assert!(request.browser.is_none());
    }

    #[test]
    fn every_wrong_field_is_named() {
        let all = ["/documentNumber", "/deviceLink", "/flowType"];
        assert_eq!(pointers(&json!({})), all);
        for (name, value) in [
            ("documentNumber", json!("PNOEE-40404040009")),
            ("deviceLink", json!("https://sid.example/device-link")),
            ("deviceLink", json!(7)),
            ("flowType", json!("Notification")),
            ("flowType", json!("App2App")),
            ("browserCookie", json!(null)),
            ("browserCookie", json!("a\r\nb: c")),
            ("browserCookie", json!("")),
            ("initialCallbackUrl", json!(null)),
            ("initialCallbackUrl", json!("http://rp.example.com/")),
            ("initialCallbackUrl", json!("https://rp.example.com/#x")),
        ] {
            let mut body = same_device();
            body[name] = value;
            assert_eq!(pointers(&body), [format!("/{name}")], "{body}");
        }
    }

    #[test]
    fn a_callback_url_may_be_as_long_as_in_a_session() {
        let path = "š".repeat(MAX_CALLBACK_URL - "https://".len());
        assert!(format!("https://{path}").parse::<CallbackUrl>().is_ok());
        assert!(format!("https://{path}š").parse::<CallbackUrl>().is_err());
    }

    #[test]
    fn a_cookie_may_come_as_json() {
        let Cookie(cookie) = r#"{"session":"x","n":1}"#.parse().unwrap();
        assert_eq!(cookie, "n=1; session=x");
    }
}
