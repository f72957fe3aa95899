use sallyport_egress::check;
use sallyport_egress::rollout::waves;

use super::file;

fn order(waves_of: &str) -> Vec<String> {
    let egress = |name: &str, labels: &str| {
        let text = format!(
            "apiVersion: sallyport.dev/v1alpha1\nkind: Egress\nmetadata: {{name: {name}, namespace: ns, labels: {labels}}}\n\
             spec: {{host: {name}.internal, upstream: {{host: {name}.example, port: 443}}}}\n"
        );
        file(name, &text)
    };
    let rollout = format!(
        "apiVersion: sallyport.dev/v1alpha1\nkind: Rollout\nmetadata: {{name: r}}\nspec: {{waves: {waves_of}}}\n"
    );
    let files = [
        egress("c", "{tier: a}"),
        egress("a", "{tier: a, x: z}"),
        egress("b", "{}"),
        egress("d", "{}"),
        file("r", &rollout),
    ];
    let checked = check(&files);
    assert_eq!(checked.diagnostics, []);
    let egresses: Vec<_> = checked.egresses.iter().map(|egress| &egress.value).collect();
    let waves = waves(&checked.rollout.expect("it is valid").value, &egresses);
    waves.iter().map(|wave| format!("{}: {}", wave.name, wave.gateways.join(" "))).collect()
}

#[test]
fn every_gateway_is_in_one_wave() {
    assert_eq!(order("[]"), ["(all): ns/a ns/b ns/c ns/d"]);
    assert_eq!(
        order("[{name: one, gateways: [ns/d, ns/b]}, {name: two, labels: {tier: a}}]"),
        ["one: ns/d ns/b", "two: ns/a ns/c"]
    );
    // What a wave names belongs to it, even if an earlier one has the labels.
    assert_eq!(
        order("[{name: one, labels: {tier: a}}, {name: two, gateways: [ns/c]}]"),
        ["one: ns/a", "two: ns/c", "(others): ns/b ns/d"]
    );
}
