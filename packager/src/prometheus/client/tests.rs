//! Every end of a query, from a server that answers as it is told.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::thread::{self, JoinHandle};

use super::*;

/// A server that gives one connection after the other these answers, and returns the requests.
fn server(answers: Vec<String>) -> (Url, JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://user:word@{}/prefix/", listener.local_addr().unwrap()).parse().unwrap();
    let serve = move || {
        let answer = |answer: String| {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = String::new();
            let mut buffer = [0; 4096];
            // The form ends a request with a body.
            let is_whole = |request: &str| {
                request.contains("query=") || (request.starts_with("GET") && request.ends_with("\r\n\r\n"))
            };
            while !is_whole(&request) {
                let read = stream.read(&mut buffer).unwrap();
                request.push_str(std::str::from_utf8(&buffer[..read]).unwrap());
            }
            if answer.is_empty() {
                thread::sleep(Duration::from_millis(600));
            }
            stream.write_all(answer.as_bytes()).unwrap();
            request
        };
        answers.into_iter().map(answer).collect()
    };
    (url, thread::spawn(serve))
}

fn answer(status: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len())
}

fn ask(answers: &[String]) -> (Result<Answer, Unanswered>, Vec<String>) {
    let (url, server) = server(answers.to_vec());
    let client = Client::with_timeout(&url, None, Duration::from_millis(500));
    let answer = client.query("sum(a{b=\"c\"})", Some(1.5));
    (answer, server.join().unwrap())
}

fn error_of(status: &str, body: &str) -> Unanswered {
    ask(&[answer(status, body)]).0.unwrap_err()
}

const VECTOR: &str = r#"{"status":"success","warnings":["a store is away"],"infos":["rate of a gauge"],"data":{"resultType":"vector",
    "result":[{"metric":{"__name__":"b","x":"1"},"value":[1.5,"NaN"]},{"metric":{"__name__":"a"},"value":[1.5,"1e+06"]}]}}"#;

#[test]
fn a_vector_is_samples_with_what_is_said_about_them() {
    let (answered, requests) = ask(&[answer("200 OK", VECTOR)]);
    let Answer { samples, warnings, notes } = answered.unwrap();
    assert_eq!((warnings, notes), (vec!["a store is away".to_owned()], vec!["rate of a gauge".to_owned()]));
    let names: Vec<_> = samples.iter().map(|sample| sample.name.as_str()).collect();
    assert_eq!(names, ["a", "b"]);
    assert_eq!(samples.named("a").next().unwrap().value, 1e6);
    assert_eq!(samples.named("b").next().unwrap().label("x"), "1");
    let request = requests.first().unwrap();
    assert!(request.starts_with("POST /prefix/api/v1/query HTTP/1.1\r\n"), "{request}");
    assert!(request.contains("Basic dXNlcjp3b3Jk"), "{request}");
    assert!(request.ends_with("query=sum%28a%7Bb%3D%22c%22%7D%29&time=1.5"), "{request}");
}

#[test]
fn a_scalar_is_one_sample() {
    let scalar = r#"{"status":"success","data":{"resultType":"scalar","result":[1.5,"42"]}}"#;
    let (answered, _) = ask(&[answer("200 OK", scalar)]);
    assert_eq!(answered.unwrap().samples.iter().next().unwrap().value, 42.0);
    let (url, server) = server(vec![answer("200 OK", scalar)]);
    assert_eq!(Client::new(&url, None).now(), Ok(42.0));
    server.join().unwrap();
    for time in ["1e300", "-1", "NaN", "+Inf"] {
        let (url, server) = self::server(vec![answer("200 OK", &scalar.replace("42", time))]);
        let why = Unanswered::NotPrometheus("its time is no time of a calendar".to_owned());
        assert_eq!(Client::new(&url, None).now(), Err(why), "{time}");
        server.join().unwrap();
    }
}

#[test]
fn a_proxy_without_post_is_asked_with_get() {
    let (answered, requests) = ask(&[answer("405 Method Not Allowed", "no"), answer("200 OK", VECTOR)]);
    assert!(answered.is_ok());
    assert!(requests.last().unwrap().starts_with("GET /prefix/api/v1/query?query=sum%28"), "{requests:?}");
}

#[test]
fn each_end_is_another_one() {
    let error = |kind: &str| format!(r#"{{"status":"error","errorType":"{kind}","error":"the cause"}}"#);
    let not = |why: &str| Unanswered::NotPrometheus(why.to_owned());
    let refused = |why: &str| Unanswered::Refused(why.to_owned());
    for (status, body, unanswered) in [
        ("400 Bad Request", error("bad_data"), refused("the cause")),
        ("422 Unprocessable Entity", error("execution"), refused("the cause")),
        ("503 Service Unavailable", error("timeout"), Unanswered::TimedOut),
        ("503 Service Unavailable", "starting".to_owned(), refused("503 Service Unavailable")),
        ("504 Gateway Timeout", "<html>".to_owned(), Unanswered::TimedOut),
        ("401 Unauthorized", "log in".to_owned(), Unanswered::Unauthorized(StatusCode::UNAUTHORIZED)),
        ("404 Not Found", "<html>".to_owned(), not("404 Not Found")),
        ("302 Found", String::new(), not("302 Found")),
        ("200 OK", "<html>".to_owned(), not("its answer is not the JSON of a query")),
        ("200 OK", r#"{"status":"success"}"#.to_owned(), not("its answer has no `data`")),
        ("200 OK", VECTOR.chars().take(100).collect(), Unanswered::CutOff),
        ("200 OK", VECTOR.replace("1e+06", "many"), not("it returns a vector that is none")),
        ("200 OK", VECTOR.replace("\"vector\"", "\"matrix\""), refused("the query returns a matrix, no vector")),
    ] {
        assert_eq!(error_of(status, &body), unanswered, "{status} {body}");
    }
}

/// What other servers with this API say when they answer in part, and what is no number of a series.
#[test]
fn a_success_that_is_not_whole_has_a_warning() {
    let success = |more: &str, series: &str| {
        format!(r#"{{"status":"success"{more},"data":{{"resultType":"vector","result":[{series}]}}}}"#)
    };
    let one = r#"{"metric":{"a":"b"},"value":[1,"2"]}"#;
    for (more, series, warnings) in [
        (r#","isPartial":false"#, one.to_owned(), &[][..]),
        (r#","isPartial":null"#, one.to_owned(), &[]),
        (r#","isPartial":true"#, one.to_owned(), &["the server says `isPartial`: not all of its storage has answered"]),
        (r#","isPartial":"yes""#, String::new(), &["the server says `isPartial`: not all of its storage has answered"]),
        (
            r#","errorType":"partial","error":"a store is away""#,
            one.to_owned(),
            &["the server says `success` beside an error: partial: a store is away"],
        ),
        (r#","error":"half""#, one.to_owned(), &["the server says `success` beside an error: half"]),
        ("", format!(r#"{one},{{"metric":{{}},"histogram":[1,{{"count":"1"}}]}}"#), &["1 of 2 series have no `value`"]),
        ("", r#"{"metric":{},"values":[[1,"2"]]}"#.to_owned(), &["1 of 1 series have no `value`"]),
        ("", r#"{"metric":{},"value":null}"#.to_owned(), &["1 of 1 series have no `value`"]),
        ("", format!("{one},{one}"), &["a query is in the answer twice"]),
    ] {
        let body = success(more, &series);
        let answered = ask(&[answer("200 OK", &body)]).0.unwrap();
        assert_eq!(answered.warnings, warnings, "{body}");
    }
}

#[test]
fn half_an_answer_and_none_are_not_the_same() {
    let half = answer("200 OK", VECTOR).chars().take(200).collect::<String>();
    assert_eq!(ask(&[half]).0, Err(Unanswered::CutOff));
    assert_eq!(ask(&[String::new()]).0, Err(Unanswered::TimedOut));
    let nobody: Url = "http://127.0.0.1:1".parse().unwrap();
    let unreachable = Client::new(&nobody, None).query("a", None);
    assert_eq!(unreachable, Err(Unanswered::Unreachable("connection refused".to_owned())));
}

#[test]
fn a_failure_names_the_server_without_its_password() {
    let url: Url = "https://me:secret@prometheus.example.com/x".parse().unwrap();
    let failure = Client::new(&url, None).failure(&Unanswered::TimedOut);
    assert_eq!(failure.message, "the Prometheus `https://prometheus.example.com/x` does not answer in time");
}
