use super::{candidate, egress, file, problems};

const RULES: &str = "
    - {id: readers, action: ALLOW, to: [{operation: {methods: [GET]}}], from: [{source: {serviceAccounts: [a/b]}}]}
    - {id: writers, action: ALLOW, to: [{operation: {methods: [PUT]}}], from: [{source: {serviceAccounts: [a/b]}}]}
";

/// What is said of a candidate of the Egress above.
fn said(spec: &str) -> Vec<String> {
    problems(&[egress(RULES), candidate(spec)])
}

#[test]
fn a_good_candidate_is_read() {
    assert_eq!(said("\n  remove: [readers]\n"), [""; 0]);
    assert_eq!(said("\n  rules:\n  - {id: new, action: DENY, to: [{operation: {paths: [/x]}}]}\n"), [""; 0]);
}

#[test]
fn a_wrong_candidate_is_refused_in_its_place() {
    for (spec, expected) in [
        (
            " {}\n",
            "SP0703 httpbin.candidate.yaml:4:7 the candidate changes nothing; write the rules that change in `rules`, or IDs of rules in `remove`",
        ),
        (
            "\n  rules:\n  - {id: readers, action: ALLOW, to: [{operation: {methods: [GET]}}], from: [{source: {serviceAccounts: [a/b]}}]}\n",
            "SP0703 httpbin.candidate.yaml:5:3 the rules of the Egress are these already; remove the file; if `sallyport plan` says that a promotion was interrupted, `sallyport promote` removes the file",
        ),
        (
            "\n  rules:\n  - {id: x, action: DENY, to: [{operation: {paths: [/x]}}]}\n  remove: [raeders]\n",
            "SP0704 httpbin.candidate.yaml:7:12 the Egress `httpbin/httpbin` has no rule `raeders` to remove; did you mean `readers`?",
        ),
        (
            "\n  rules:\n  - {id: readers, action: DENY, to: [{operation: {paths: [/x]}}]}\n  remove: [readers]\n",
            "SP0704 httpbin.candidate.yaml:7:12 the rule `readers` is written twice; keep one: a rule is either changed or removed",
        ),
        (
            "\n  rules:\n  - {id: x, action: DENY, to: [{operation: {paths: [/x]}}]}\n  - {id: x, action: AUDIT, to: [{operation: {paths: [/x]}}]}\n",
            "SP0704 httpbin.candidate.yaml:7:10 the rule `x` is written twice; keep one: a rule is either changed or removed",
        ),
        (
            "\n  rules:\n  - {id: ok, action: DENY, to: [{operation: {paths: [/x]}}]}\n  - {id: readers, action: DENY, to: [{operation: {methods: [G T]}}]}\n",
            "SP1306 httpbin.candidate.yaml:7:61 `G T` is not an HTTP method; write a method such as `GET`, or `*` for any",
        ),
        (
            "\n  remove: [raeders]\n",
            "SP0703 httpbin.candidate.yaml:5:12 the Egress `httpbin/httpbin` has no rule `raeders` to remove; did you mean `readers`?",
        ),
        (
            "\n  stage: canary\n  remove: [readers]\n",
            "SP0204 httpbin.candidate.yaml:5:3 unknown field `stage` in `spec`; leave it out: `sallyport promote` writes the stage into `sallyport.lock`",
        ),
    ] {
        assert_eq!(said(spec), [expected], "{spec}");
    }
}

#[test]
fn each_rule_that_is_not_there_to_remove_has_its_place() {
    assert_eq!(
        said("\n  remove: [nope, raeders]\n"),
        [
            "SP0703 httpbin.candidate.yaml:5:12 the Egress `httpbin/httpbin` has no rule `nope` to remove; correct the ID, or leave it out; if `sallyport plan` says that a promotion was interrupted, `sallyport promote` removes the file",
            "SP0703 httpbin.candidate.yaml:5:18 the Egress `httpbin/httpbin` has no rule `raeders` to remove; did you mean `readers`?"
        ]
    );
}

#[test]
fn a_rule_of_a_candidate_has_no_stage() {
    let found = said("\n  rules:\n  - {id: x, action: DENY, stage: shadow}\n");
    let [one] = &found[..] else { panic!("{found:?}") };
    assert!(one.starts_with("SP0") && one.contains("httpbin.candidate.yaml:6:27"), "{one}");
}

#[test]
fn a_candidate_needs_its_egress_and_there_is_one_of_it() {
    let one = || candidate("\n  remove: [readers]\n");
    let other = file("b.yaml", &one().text);
    assert_eq!(
        problems(&[egress(RULES), one(), other]),
        [
            "SP0702 b.yaml:3:18 a second candidate for `httpbin/httpbin`; the first is at `httpbin.candidate.yaml:3:18`; write both changes in one file"
        ]
    );
    let stray = file("c.yaml", &one().text.replace("name: httpbin,", "name: httpbun,"));
    assert_eq!(
        problems(&[egress(RULES), stray]),
        [
            "SP0701 c.yaml:3:18 there is no Egress `httpbin/httpbun` whose rules this could change; did you mean `httpbin/httpbin`?"
        ]
    );
    // What is wrong with the Egress is said once.
    let broken = file("egress.yaml", &egress(RULES).text.replace("port: 443", "port: x"));
    let found = problems(&[broken, one()]);
    assert!(found.len() == 1 && found[0].starts_with("SP0206"), "{found:?}");
}

#[test]
fn there_is_one_candidate_at_a_time() {
    let shadow = file("egress.yaml", &egress(RULES).text.replace("{id: writers,", "{id: writers, stage: shadow,"));
    assert_eq!(
        problems(&[shadow, candidate("\n  remove: [readers]\n")]),
        [
            "SP0705 httpbin.candidate.yaml:1:1 the Egress `httpbin/httpbin` has a candidate in itself: the rule `writers` is in shadow; there is one candidate at a time: write the change here alone, or remove this file"
        ]
    );
}

/// What is said of a Rollout beside the Egress above.
fn of_rollout(spec: &str) -> Vec<String> {
    let text =
        format!("apiVersion: sallyport.dev/v1alpha1\nkind: Rollout\nmetadata: {{name: rollout}}\nspec: {spec}\n");
    problems(&[egress(RULES), file("rollout.yaml", &text)])
}

/// One cause for all that it names, in waves and waivers.
#[test]
fn a_rollout_alone_is_said_once() {
    let spec = "{waves: [{name: one, gateways: [a/b, c/d]}], waivers: [{gateway: e/f, region: 5f2a09c1b7de, caller: x/ns/a/sa/b, \
                reason: r, until: 2027-01-31}]}";
    let text =
        format!("apiVersion: sallyport.dev/v1alpha1\nkind: Rollout\nmetadata: {{name: rollout}}\nspec: {spec}\n");
    assert_eq!(
        problems(&[file("rollout.yaml", &text)]),
        [
            "SP0713 rollout.yaml:4:39 no Egress that can be read is among the files, and the Rollout names `a/b`; give the command the files of the gateways, too: a Rollout is checked with all of them"
        ]
    );
}

#[test]
fn a_good_rollout_is_read() {
    for spec in [
        "{}",
        "{waves: [{name: one, gateways: [httpbin/httpbin]}]}",
        "{gates: {shadow: {minTime: 48h, minRequests: 0}, canary: {steps: [], callers: [cluster.local/ns/a/sa/b]}}}",
        "{waivers: [{gateway: httpbin/httpbin, region: 5f2a09c1b7de, caller: x/ns/a/sa/b, reason: r, until: 2027-01-31}]}",
    ] {
        assert_eq!(of_rollout(spec), [""; 0], "{spec}");
    }
}

#[test]
fn a_wrong_rollout_is_refused_in_its_place() {
    for (spec, expected) in [
        (
            "{waves: [{name: one}]}",
            "SP0714 rollout.yaml:4:16 the wave has neither `gateways` nor `labels`; write `gateways: [NAMESPACE/NAME]`, or remove the wave",
        ),
        (
            "{waves: [{name: one, gateways: [httpbin/httpbin]}, {name: one, labels: {a: b}}]}",
            "SP0714 rollout.yaml:4:65 a second wave `one`; give each wave a name of its own, or write its gateways in the first",
        ),
        (
            "{waves: [{name: one, gateways: [httpbin/httpbin]}, {name: two, gateways: [httpbin/httpbin]}]}",
            "SP0714 rollout.yaml:4:81 the gateway `httpbin/httpbin` is in a wave already; keep it in one of them",
        ),
        (
            "{waves: [{name: one, gateways: [httpbin/httpbun]}]}",
            "SP0713 rollout.yaml:4:39 there is no Egress `httpbin/httpbun`; did you mean `httpbin/httpbin`?",
        ),
        (
            "{waves: [{name: one, labels: {tier: silver}}]}",
            "SP0716 rollout.yaml:4:36 no Egress has the labels of the wave `one`; write them in `metadata.labels` of Egresses, or remove the wave",
        ),
        (
            "{waves: [{name: one, labels: {tier: 1}}]}",
            "SP0331 rollout.yaml:4:43 the label `tier` has a value that is not a string; write it in quotes",
        ),
        (
            "{gates: {canary: {steps: [25, 5]}}}",
            "SP0715 rollout.yaml:4:37 the step 5 is not above the one before it, 25; write the steps in ascending order: `steps: [5, 25]`",
        ),
        (
            "{gates: {errors: {atMost: 1}}}",
            "SP0711 rollout.yaml:4:33 `1` is not a share; write `1%` or `0.5%`, from `0%` to `100%`",
        ),
        (
            "{waivers: [{gateway: x/y, region: 5f2a09c1b7de, caller: x/ns/a/sa/b, reason: r, until: 2027-01-31}]}",
            "SP0713 rollout.yaml:4:28 there is no Egress `x/y`; give the command the file of that Egress, too, or take `x/y` out of the Rollout",
        ),
        (
            "{waivers: [{gateway: httpbin/httpbin, region: 5f2a, caller: x/ns/a/sa/b, reason: r, until: 2027-01-31}]}",
            "SP0711 rollout.yaml:4:53 `5f2a` is not a region; copy the 12 hexadecimal digits that `sallyport plan` and `sallyport diff` print",
        ),
    ] {
        assert_eq!(of_rollout(spec), [expected], "{spec}");
    }
}

#[test]
fn there_is_one_rollout() {
    let text = "apiVersion: sallyport.dev/v1alpha1\nkind: Rollout\nmetadata: {name: rollout}\n";
    assert_eq!(
        problems(&[egress(RULES), file("a.yaml", text), file("b.yaml", text)]),
        ["SP0712 b.yaml:1:1 a second Rollout; the first is at `a.yaml:1:1`; keep one: all gateways share it"]
    );
}
