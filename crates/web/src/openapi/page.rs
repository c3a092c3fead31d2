//! The documents as pages for people: made from the same JSON, so they say the same.

mod html;

use super::Api;
use html::Page;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

pub(super) const STYLE: &str = include_str!("page/style.css");

/// All interfaces, with their operations.
pub(super) fn overview() -> String {
    let mut page = Page::start("Interfaces");
    page.element("h1", "Interfaces of this server");
    page.element(
        "p",
        "What may be asked, and every answer. The pages are made from the OpenAPI 3.1 documents beside them.",
    );
    for api in Api::ALL {
        let document = api.document();
        let address = format!("/openapi/{}", api.name());
        page.raw("<h2>");
        page.link(&address, text(&document["info"]["title"]));
        page.raw("</h2>\n");
        page.prose(text(&document["info"]["summary"]));
        page.raw("<p>");
        page.link(&format!("{address}.json"), &format!("{}.json", api.name()));
        page.raw("</p>\n");
        contents(&mut page, &document, &address);
    }
    page.finish()
}

/// One interface.
pub(super) fn of(api: Api) -> String {
    let document = api.document();
    let info = &document["info"];
    let mut page = Page::start(text(&info["title"]));
    page.raw("<nav><a href=\"/openapi/\">All interfaces</a></nav>\n");
    page.element(
        "h1",
        &format!("{} ({})", text(&info["title"]), text(&info["version"])),
    );
    page.element("p", text(&info["summary"]));
    page.raw("<p>");
    page.link(
        &format!("/openapi/{}.json", api.name()),
        "The OpenAPI document",
    );
    page.raw("</p>\n<section class=\"notice\">\n");
    page.prose(text(&info["description"]));
    page.raw("</section>\n");
    contents(&mut page, &document, "");
    for tag in list(&document["tags"]) {
        page.element("h2", text(&tag["name"]));
        page.prose(text(&tag["description"]));
        for (path, method, operation) in operations(&document) {
            if operation["tags"][0] == tag["name"] {
                describe(&mut page, &document, path, method, operation);
            }
        }
    }
    page.element("h2", "Problems");
    for ((_, code), example) in problems(&document) {
        page.raw("<details><summary>");
        page.text(&format!("{} ", example["status"]));
        page.raw("<code>");
        page.text(code);
        page.raw("</code></summary>\n<pre><code>");
        page.text(&format!("{example:#}"));
        page.raw("</code></pre></details>\n");
    }
    page.element("h2", "Bodies");
    for (name, schema) in entries(&document["components"]["schemas"]) {
        page.raw(&format!("<h3 id=\"{name}\">{name}</h3>\n"));
        page.prose(text(&schema["description"]));
        fields(&mut page, schema);
    }
    page.finish()
}

/// Links to the operations of a page.
fn contents(page: &mut Page, document: &Value, address: &str) {
    page.raw("<ul class=\"contents\">\n");
    for tag in list(&document["tags"]) {
        for (path, method, operation) in operations(document) {
            if operation["tags"][0] == tag["name"] {
                page.raw(&format!(
                    "<li><a href=\"{address}#{}\">",
                    text(&operation["operationId"])
                ));
                route(page, document, path, method);
                page.raw("</a></li>\n");
            }
        }
    }
    page.raw("</ul>\n");
}

fn describe(page: &mut Page, document: &Value, path: &str, method: &str, operation: &Value) {
    page.raw(&format!(
        "<article id=\"{}\">\n<h3>",
        text(&operation["operationId"])
    ));
    page.text(text(&operation["summary"]));
    page.raw("</h3>\n<p class=\"route\">");
    route(page, document, path, method);
    page.raw("</p>\n");
    page.prose(text(&operation["description"]));
    let parameters: Vec<_> = list(&operation["parameters"])
        .iter()
        .map(|parameter| resolve(document, parameter))
        .collect();
    if !parameters.is_empty() {
        page.element("h4", "Parameters");
        page.raw("<table>\n");
        for parameter in parameters {
            let required = parameter["required"] == true;
            row(
                page,
                text(&parameter["name"]),
                &parameter["schema"],
                required,
                text(&parameter["description"]),
            );
        }
        page.raw("</table>\n");
    }
    let body = &operation["requestBody"]["content"]["application/json"];
    if body.is_object() {
        page.element("h4", "Body");
        reference(page, &body["schema"]);
        examples(page, &body["examples"]);
    }
    page.element("h4", "Answer");
    let success = resolve(document, &operation["responses"]["200"]);
    page.prose(text(&success["description"]));
    let content = &success["content"]["application/json"];
    reference(page, &content["schema"]);
    examples(page, &content["examples"]);
    let problems: Vec<_> = entries(&operation["responses"])
        .filter(|(status, _)| *status != "200")
        .collect();
    let statuses: Vec<_> = problems.iter().map(|(status, _)| *status).collect();
    page.raw("<details><summary>");
    page.text(&format!("Problems: {}", statuses.join(", ")));
    page.raw("</summary>\n<dl>\n");
    for (status, problem) in problems {
        page.raw(&format!("<dt><b class=\"status\">{status}</b></dt>\n<dd>"));
        page.prose(text(&resolve(document, problem)["description"]));
        page.raw("</dd>\n");
    }
    page.raw("</dl></details>\n</article>\n");
}

fn examples(page: &mut Page, examples: &Value) {
    for (name, example) in entries(examples) {
        page.raw("<details><summary>");
        page.text(&format!("Example: {name}"));
        page.raw("</summary>\n<pre><code>");
        page.text(&format!("{:#}", example["value"]));
        page.raw("</code></pre></details>\n");
    }
}

/// One example of each problem, by status and code.
fn problems(document: &Value) -> BTreeMap<(Option<u64>, &str), &Value> {
    entries(&document["components"]["responses"])
        .flat_map(|(_, response)| entries(&response["content"]))
        .flat_map(|(_, content)| entries(&content["examples"]))
        .map(|(code, example)| {
            (
                (example["value"]["status"].as_u64(), code),
                &example["value"],
            )
        })
        .collect()
}

/// A table of an object's fields, those of inner objects included.
fn fields(page: &mut Page, schema: &Value) {
    if schema["properties"].is_object() {
        page.raw("<table>\n");
        rows(page, "", schema);
        page.raw("</table>\n");
    } else {
        page.raw("<table>\n");
        row(page, "", schema, true, "");
        page.raw("</table>\n");
    }
}

fn rows(page: &mut Page, above: &str, schema: &Value) {
    let required = list(&schema["required"]);
    for (own, field) in entries(&schema["properties"]) {
        let must = required.iter().any(|required| required == own);
        let name = format!("{above}{own}");
        row(page, &name, field, must, text(&field["description"]));
        if field["properties"].is_object() {
            rows(page, &format!("{name}."), field);
        }
        if field["items"]["properties"].is_object() {
            rows(page, &format!("{name}[]."), &field["items"]);
        }
    }
}

fn row(page: &mut Page, name: &str, schema: &Value, required: bool, description: &str) {
    page.raw("<tr><th scope=\"row\"><code>");
    page.text(name);
    page.raw("</code>");
    if !required {
        page.raw(" <span class=\"quiet\">optional</span>");
    }
    page.raw("</th><td>");
    page.prose(description);
    if schema["$ref"].is_string() {
        reference(page, schema);
    } else {
        page.raw("<p class=\"quiet\">");
        page.marked(&rules(schema));
        page.raw("</p>\n");
    }
    for form in list(&schema["contentSchema"]["items"]["oneOf"]) {
        page.raw("<p class=\"quiet\">");
        page.marked(&interaction(form));
        page.raw("</p>\n");
    }
    page.raw("</td></tr>\n");
}

/// What a schema demands, in one line.
fn rules(schema: &Value) -> String {
    let mut rules = Vec::new();
    match &schema["type"] {
        Value::String(kind) => rules.push(kind.clone()),
        Value::Array(kinds) => {
            rules.push(kinds.iter().map(text).collect::<Vec<_>>().join(" or "));
        }
        _ => {}
    }
    if !schema["const"].is_null() {
        rules.push(format!("exactly `{}`", plain(&schema["const"])));
    }
    let words: Vec<_> = list(&schema["enum"])
        .iter()
        .filter(|word| !word.is_null())
        .map(|word| format!("`{}`", plain(word)))
        .collect();
    if !words.is_empty() {
        rules.push(format!("one of {}", words.join(", ")));
    }
    for (name, label) in [
        ("format", "format"),
        ("contentEncoding", "encoding"),
        ("minimum", "at least"),
        ("maximum", "at most"),
        ("default", "default"),
        ("pattern", "pattern"),
    ] {
        if !schema[name].is_null() {
            rules.push(format!("{label} `{}`", plain(&schema[name])));
        }
    }
    match (schema["minLength"].as_u64(), schema["maxLength"].as_u64()) {
        (Some(least), Some(most)) if least == most => rules.push(format!("{most} characters")),
        (Some(least), Some(most)) => rules.push(format!("{least} to {most} characters")),
        (Some(least), None) => rules.push(format!("at least {least} characters")),
        (None, Some(most)) => rules.push(format!("at most {most} characters")),
        (None, None) => {}
    }
    rules.join("; ")
}

fn interaction(form: &Value) -> String {
    let kind = &form["properties"]["type"]["const"];
    let text_field = entries(&form["properties"]).find(|(name, _)| *name != "type");
    text_field.map_or_else(String::new, |(name, field)| {
        format!(
            "`{}` with `{name}`, 1 to {} characters",
            plain(kind),
            field["maxLength"]
        )
    })
}

fn route(page: &mut Page, document: &Value, path: &str, method: &str) {
    let base = text(&document["servers"][0]["url"]);
    page.raw(&format!(
        "<b class=\"method\">{}</b> <code>",
        method.to_uppercase()
    ));
    page.breakable(&format!("{base}{path}"));
    page.raw("</code>");
}

/// A link to a schema of this page.
fn reference(page: &mut Page, schema: &Value) {
    let name = text(&schema["$ref"]).rsplit('/').next().unwrap_or_default();
    page.raw("<p>");
    page.link(&format!("#{name}"), name);
    page.raw("</p>\n");
}

fn resolve<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    let pointer = text(&value["$ref"]).trim_start_matches('#');
    document
        .pointer(pointer)
        .filter(|_| !pointer.is_empty())
        .unwrap_or(value)
}

fn operations(document: &Value) -> impl Iterator<Item = (&str, &str, &Value)> {
    entries(&document["paths"]).flat_map(|(path, item)| {
        entries(item).map(move |(method, operation)| (path, method, operation))
    })
}

fn entries(value: &Value) -> impl Iterator<Item = (&str, &Value)> {
    value
        .as_object()
        .into_iter()
        .flat_map(Map::iter)
        .map(|(name, value)| (name.as_str(), value))
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// A value without quotation marks.
fn plain(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}
