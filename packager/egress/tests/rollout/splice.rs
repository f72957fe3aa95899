use proptest::prelude::*;
use sallyport_egress::check;
use sallyport_egress::diagnostic::SourceFile;
use sallyport_egress::rollout::splice;
use snapbox::{assert_data_eq, str};

use super::{candidate, egress, file};

/// The rules and the candidate of two valid files.
fn checked(egress: &SourceFile, candidate: &SourceFile) -> Result<(), String> {
    let checked = check(&[egress.clone(), candidate.clone()]);
    let Some(change) = checked.candidates.first() else { return Err(format!("{:?}", checked.diagnostics)) };
    let now = &checked.egresses[0].value.spec.authz.rules;
    let wanted = change.value.apply(now);
    let text = splice(egress, candidate).map_err(|flaw| flaw.message)?;
    let after = check(&[file("egress.yaml", &text)]);
    let Some(after) = after.egresses.first() else { return Err(format!("{text}\n{:?}", after.diagnostics)) };
    assert_eq!(after.value.spec.authz.rules, wanted, "{text}");
    Ok(())
}

fn rules_only(text: &str) -> &str {
    text.split_once("    rules:").expect("rules").1
}

#[test]
fn rules_go_over_with_their_comments() {
    let before = egress(
        "
    # who reads
    - id: readers # the readers
      action: ALLOW
      from: [{source: {serviceAccounts: [a/b]}}] # old
    # the old batch job
    - {id: batch, action: ALLOW, from: [{source: {serviceAccounts: [a/c]}}]}
    # the end
  gateway: {replicas: 3} # three
",
    );
    let change = candidate(
        "
    rules:
      # who reads now
      - id: readers
        # only these
        action: ALLOW
        from:
          - source:
              serviceAccounts: [
               a/b, # a
               a/d]
      # new
      - id: writers
        action: ALLOW
        from: [{source: {serviceAccounts: [a/w]}}] # writer

    remove: [batch]
",
    );
    checked(&before, &change).expect("it is spliced");
    assert_data_eq!(
        rules_only(&splice(&before, &change).expect("it is spliced")),
        str![[r#"

    # who reads
    # who reads now
    - id: readers
      # only these
      action: ALLOW
      from:
        - source:
            serviceAccounts: [
             a/b, # a
             a/d] # old
    # the old batch job
    # new
    - id: writers
      action: ALLOW
      from: [{source: {serviceAccounts: [a/w]}}] # writer
    # the end
  gateway: {replicas: 3} # three

"#]]
    );
}

#[test]
fn a_list_between_brackets_stays_one() {
    let before = egress(
        " [{id: a, action: DENY, from: [{source: {namespaces: [x]}}]}, {id: b, action: AUDIT, from: [{source: {namespaces: [x]}}]}, {id: c, action: DENY, from: [{source: {namespaces: [x]}}]}] # three\n",
    );
    let change = candidate(
        "\n  rules:\n  # why\n  - id: a\n    from: [{source: {namespaces: [x]}}]\n    action: AUDIT # now\n  - {id: d, action: DENY, from: [{source: {namespaces: [x]}}]}\n  remove: [c]\n",
    );
    checked(&before, &change).expect("it is spliced");
    assert_data_eq!(
        rules_only(&splice(&before, &change).expect("it is spliced")),
        str![[r#"
 [
      # why
      # now
      {id: a, from: [{source: {namespaces: [x]}}], action: AUDIT}, {id: b, action: AUDIT, from: [{source: {namespaces: [x]}}]}, {id: d, action: DENY, from: [{source: {namespaces: [x]}}]}] # three

"#]]
    );
}

#[test]
fn a_list_that_is_not_there_is_made() {
    let full = egress(" []\n").text;
    let new = candidate("\n  rules:\n  - id: a\n    action: DENY\n    from: [{source: {namespaces: [x]}}]\n");
    for (from, to) in [
        ("    rules: []\n", "    rules: []\n"),
        ("    rules: []\n", "    rules: [] # none\n  tracing: {mode: standalone}\n"),
        ("  authz:\n    rules: []\n", ""),
        ("  authz:\n    rules: []\n", "  # no rules\n"),
        ("  authz:\n    rules: []\n", "  authz: {}\n"),
        ("  authz:\n    rules: []\n", "  authz: {discloseRule: true} # yes\n"),
        ("  authz:\n    rules: []\n", "  authz:\n    discloseRule: true\n"),
        ("    rules: []\n", "    rules: []"),
    ] {
        let before = file("egress.yaml", &full.replace(from, to));
        checked(&before, &new).unwrap_or_else(|error| panic!("{to}: {error}"));
        let text = splice(&before, &new).expect("it is spliced");
        assert_eq!(text.matches('#').count(), before.text.matches('#').count(), "{text}");
    }
    let before = egress("\n    - {id: a, action: DENY, from: [{source: {namespaces: [x]}}]} # one\n    # two\n");
    let none = candidate("\n  remove: [a]\n");
    checked(&before, &none).expect("it is spliced");
    assert_eq!(rules_only(&splice(&before, &none).expect("it is spliced")), " []\n     # one\n    # two\n");
}

#[test]
fn what_cannot_be_spliced_is_refused_with_the_edit() {
    let before = file(
        "egress.yaml",
        &egress(" []\n").text.replace(
            "  authz:\n    rules: []\n",
            "  authz:\n    ? rules\n    : - {id: b, action: DENY, from: [{source: {namespaces: [x]}}]}\n",
        ),
    );
    let new = candidate("\n  rules:\n  - id: a\n    action: DENY\n    from: [{source: {namespaces: [x]}}]\n");
    let flaw = splice(&before, &new).expect_err("it is in the way");
    assert_eq!(flaw.message, "the list of rules has no place for the candidate's");
    assert_eq!(before.position(flaw.span.start).line, 9);
    assert!(
        flaw.help.starts_with("write the rules of `httpbin.candidate.yaml` into `egress.yaml` by hand"),
        "{flaw:?}"
    );
}

#[test]
fn what_is_in_already_stays_byte_for_byte() {
    let before = egress("\n    - {id: a, action: DENY, from: [{source: {namespaces: [x]}}]} # one\n");
    assert_eq!(
        splice(
            &before,
            &candidate("\n  rules:\n  - id: a\n    action: DENY\n    from: [{source: {namespaces: [x]}}]\n")
        )
        .as_ref(),
        Ok(&before.text)
    );
}

#[derive(Clone, Debug)]
struct Style {
    /// 0: block; 1: flow in one line; 2: flow in several.
    rule: u8,
    is_list_in_flow: bool,
    indent: usize,
    has_comments: bool,
}

fn style() -> impl Strategy<Value = Style> {
    (0..3_u8, any::<bool>(), 0..5_usize, any::<bool>())
        .prop_map(|(rule, is_list_in_flow, indent, has_comments)| Style { rule, is_list_in_flow, indent, has_comments })
}

/// A rule with its own number in every value, and its own comments.
fn rule(side: &str, id: &str, action: &str, style: &Style, column: usize) -> String {
    let blanks = " ".repeat(column);
    let note = |what: &str| if style.has_comments { format!(" # {side} {id} {what}") } else { String::new() };
    match (style.rule, style.is_list_in_flow) {
        (0, false) => format!(
            "id: {id}{}\n{blanks}action: {action}\n{blanks}when:\n{blanks}- key: request.headers[x-{id}]\n{blanks}  values:\n\
             {blanks}  - \"{side}: {id}\"{}",
            note("id"),
            note("end")
        ),
        (1, _) => format!(
            "{{id: {id}, action: {action}, when: [{{key: \"request.headers[x-{id}]\", values: ['{side}, it''s']}}]}}"
        ),
        _ => format!(
            "{{id: {id},{}\n{blanks} action: {action},\n{blanks}  when: [{{key: \"request.headers[x-{id}]\", values: [{side}]}}]}}",
            note("id")
        ),
    }
}

/// A list of rules as the value of `rules`, whose key is in this column.
fn list(side: &str, rules: &[(&str, &str)], style: &Style, key: usize) -> String {
    if rules.is_empty() {
        return " []\n".to_owned();
    }
    if style.is_list_in_flow {
        let items: Vec<_> = rules.iter().map(|(id, action)| rule(side, id, action, style, key + 3)).collect();
        return format!(" [{}]\n", items.join(", "));
    }
    let dash = key + style.indent;
    let blanks = " ".repeat(dash);
    let mut text = "\n".to_owned();
    for (id, action) in rules {
        if style.has_comments {
            text.push_str(&format!("{blanks}# {side} {id} above\n"));
        }
        text.push_str(&format!("{blanks}- {}\n", rule(side, id, action, style, dash + 2)));
    }
    text
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever the styles: the model after is the applied one, and every comment outside of rules that went is there, as are
    /// those of the rules that came.
    #[test]
    fn splicing_means_applying(
        old in style(),
        new in style(),
        has in proptest::sample::subsequence(vec!["a", "b", "c", "d"], 0..=4),
        changed in proptest::sample::subsequence(vec!["a", "b", "c", "d", "e", "f"], 0..=4),
        gone in proptest::sample::subsequence(vec!["a", "b", "c", "d"], 0..=3),
        is_last in any::<bool>(),
    ) {
        let gone: Vec<_> = gone.into_iter().filter(|id| has.contains(id) && !changed.contains(id)).collect();
        prop_assume!(!changed.is_empty() || !gone.is_empty());
        let rules = |ids: &[&'static str], action| ids.iter().map(|id| (*id, action)).collect::<Vec<_>>();
        let tail = if is_last { "" } else { "  # behind\n  gateway: {replicas: 3} # three\n" };
        let before = egress(&(list("old", &rules(&has, "ALLOW"), &old, 4) + tail));
        let spec = match changed.is_empty() {
            true => format!("\n  remove: [{}]\n", gone.join(", ")),
            false => format!("\n  rules:{}  remove: [{}]\n", list("new", &rules(&changed, "DENY"), &new, 2), gone.join(", ")),
        };
        let change = candidate(&spec);
        checked(&before, &change).map_err(|error| TestCaseError::fail(format!("{error}\n{}\n{}", before.text, change.text)))?;
        let text = splice(&before, &change).expect("it was spliced above");
        let comments = |text: &str| {
            let found = text.lines().filter_map(|line| line.split_once("# ")).map(|(_, comment)| comment.to_owned());
            found.flat_map(|comment| comment.split(" # ").map(str::to_owned).collect::<Vec<_>>()).collect::<Vec<_>>()
        };
        let after = comments(&text);
        for comment in comments(&before.text).into_iter().chain(comments(&change.text)) {
            let words: Vec<_> = comment.split(' ').collect();
            let is_inside = words.len() == 3 && words[0] == "old" && words[2] != "above" && changed.contains(&words[1]);
            prop_assert!(is_inside || after.contains(&comment), "`{}` is gone:\n{}\n{}\n{}", comment, before.text, change.text, text);
        }
    }
}
