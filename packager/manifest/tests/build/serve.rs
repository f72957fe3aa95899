//! What Envoy gets: the objects of a gateway, translated. Against a real istiod it is compared in `cluster_differential`.

use sallyport_manifest::{Served, plans};

use super::*;

pub(crate) fn served(egresses: &[&Egress], mesh: &Mesh) -> Served {
    let filter = filter();
    let plans = plans(egresses, mesh, &filter);
    let name = &egresses[0].name;
    let plan = plans.iter().find(|plan| plan.egress.name == *name).unwrap();
    sallyport_manifest::serve(plan, &plans).unwrap()
}

fn json_of(served: &Served) -> Value {
    let Served { listeners, routes, clusters, endpoints, extensions, not_served } = served;
    json!({
        "listeners": listeners, "routes": routes, "clusters": clusters, "endpoints": endpoints,
        "extensions": extensions, "not_served": not_served,
    })
}

fn served_golden(case: &str, value: &Value) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/serve").join(format!("{case}.json"));
    assert_data_eq!(format!("{value:#}\n"), Data::read_from(&path, Some(snapbox::data::DataFormat::Text)).raw());
}

#[test]
fn envoy_gets_what_the_goldens_say() {
    for (case, egress, mesh) in cases() {
        if ["wasmplugin", "gateway-api", "full", "plain-address"].contains(&case) {
            served_golden(case, &json_of(&served(&[&egress], &mesh)));
        }
    }
}

#[test]
fn every_field_that_is_emitted_is_served() {
    for (case, egress, mesh) in cases() {
        let spans = ["Telemetry/httpbin-egress: spec.tracing".to_owned()];
        let expected: &[String] = if case.starts_with("full") { &spans } else { &[] };
        assert_eq!(served(&[&egress], &mesh).not_served, expected, "{case}");
    }
}
