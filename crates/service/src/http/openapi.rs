//! Completes the OpenAPI document with what is the same everywhere: names of operations, how to be
//! authenticated, how a problem looks, `If-Match` where a write needs it.

use serde_json::{Map, Value, json};
use utoipa::{ToSchema, openapi::OpenApi};

const METHODS: [&str; 5] = ["get", "put", "post", "patch", "delete"];

/// The whole document.
pub(super) fn complete(document: &OpenApi) -> Value {
    let mut document = serde_json::to_value(document).unwrap_or_default();
    if let Some(paths) = document.get_mut("paths").and_then(Value::as_object_mut) {
        for item in paths.values_mut().filter_map(Value::as_object_mut) {
            for method in METHODS {
                if let Some(operation) = item.get_mut(method).and_then(Value::as_object_mut) {
                    complete_operation(operation);
                }
            }
        }
    }
    let schemas = document.pointer_mut("/components/schemas").and_then(Value::as_object_mut);
    if let Some(schemas) = schemas {
        let mut found = Vec::new();
        mailcup_wire::ProblemDetails::schemas(&mut found);
        found.push((
            "ProblemDetails".to_owned(),
            <mailcup_wire::ProblemDetails as utoipa::PartialSchema>::schema(),
        ));
        for (name, schema) in found {
            schemas.entry(name).or_insert_with(|| serde_json::to_value(schema).unwrap_or_default());
        }
    }
    if let Some(components) = document.pointer_mut("/components").and_then(Value::as_object_mut) {
        components.insert(
            "securitySchemes".to_owned(),
            json!({
                "token": {
                    "type": "http", "scheme": "bearer",
                    "description": "A session's token (mcs_…) or an API key (mck_…).",
                },
                "key": { "type": "apiKey", "in": "header", "name": "X-API-Key" },
            }),
        );
    }
    document
}

fn complete_operation(operation: &mut Map<String, Value>) {
    let text = |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or_default().to_owned();
    let tag = text(operation.get("tags").and_then(|tags| tags.get(0)));
    let name = text(operation.get("operationId"));
    operation.insert("operationId".to_owned(), format!("{tag}.{name}").into());

    if text(operation.get("x-permission")) != "open" {
        operation.insert("security".to_owned(), json!([{ "token": [] }, { "key": [] }]));
    }
    let responses = operation.entry("responses").or_insert_with(|| json!({}));
    let needs_match = responses.get("412").is_some();
    let problem = json!({
        "description": "A problem (RFC 9457); `code` says which.",
        "content": {
            "application/problem+json": { "schema": { "$ref": "#/components/schemas/ProblemDetails" } },
        },
    });
    if let Some(responses) = responses.as_object_mut() {
        responses.insert("default".to_owned(), problem);
    }
    if needs_match {
        let parameters = operation.entry("parameters").or_insert_with(|| json!([]));
        if let Some(parameters) = parameters.as_array_mut() {
            parameters.push(json!({
                "name": "If-Match", "in": "header", "required": true,
                "description": "The ETag of the state that the change was made from.",
                "schema": { "type": "string" },
            }));
        }
    }
}
