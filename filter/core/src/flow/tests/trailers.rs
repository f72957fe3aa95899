use super::*;
use crate::flow::trailers::{Message, removed};
use crate::request::pairs;

#[test]
fn trailers_lose_what_headers_may_not_say() {
    let rules = r#"{"id": "a", "action": "ALLOW", "when": [{"key": "request.headers[x-role]", "values": ["a"]}]}"#;
    let engine = engine(rules, r#", "headers": {"hygiene": "strict"}"#);
    let trailers: &[Pair<'_>] = &[
        (b"x-role", b"admin"),
        (b"x_role", b"admin"),
        (b"x-sallyport-route", b"a/b"),
        (b"x-powered-by", b"php"),
        (b"grpc-status", b"0"),
        (b"x-checksum", b"1"),
    ];
    let bytes = pairs::serialize(trailers).unwrap();
    let names = |of| -> Vec<String> {
        let names = removed(&engine, of, Some(&bytes)).unwrap();
        names.into_iter().map(|name| String::from_utf8_lossy(name).into_owned()).collect()
    };
    let mut of_request = names(Message::Request);
    of_request.sort();
    assert_eq!(of_request, ["x-role", "x-sallyport-route", "x_role"]);
    assert_eq!(names(Message::Response), ["x-sallyport-route", "x-powered-by"]);
}

#[test]
fn trailers_that_cannot_be_read_are_held_back() {
    let engine = engine(RULES, "");
    for message in [Message::Request, Message::Response] {
        assert_eq!(removed(&engine, message, None), None);
        assert_eq!(removed(&engine, message, Some(b"\x01")), None);
        assert_eq!(removed(&engine, message, Some(b"")), Some(Vec::new()));
    }
}
