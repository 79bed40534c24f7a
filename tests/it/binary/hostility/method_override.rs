//! The method that a form's first field asks for reaches nobody: every request gets a whole answer.

use crate::binary::server::Installation;
use crate::binary::wire::{Wire, paths};

const FORM: &str = "Content-Type: application/x-www-form-urlencoded\r\n";

#[test]
fn a_method_in_a_form_field_costs_nobody_an_answer() {
    let installation = Installation::new();
    let server = installation.start();
    let methods =
        ["head", "HEAD", "get", "put", "delete", "options", "trace", "connect", "patch", "post", "x"];
    let mut wire = Wire::to(server.address());
    for path in paths() {
        // What the same request is answered without the field.
        let plain = wire.ask("POST", &path, FORM, b"x=1").unwrap();
        for method in methods {
            for field in ["_method", "&_method", "&&_method", "%5Fmethod", "_method[a]"] {
                let body = format!("{field}={method}");
                let answer = wire.ask("POST", &path, FORM, body.as_bytes());
                assert_eq!(answer, Some(plain), "POST {path} with {body}");
            }
        }
        assert_eq!(wire.ask("GET", "/login", "", b""), Some(200), "the connection goes on after {path}");
    }
}
