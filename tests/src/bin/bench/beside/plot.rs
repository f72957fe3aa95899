//! The plots of docs/performance.md, as SVG that has its own paper and follows the reader's light or dark theme.

use std::fmt::Write as _;
use std::fs;

use anyhow::{Context, Result};
use sallyport_tests::workspace;

use super::Findings;
use super::measure::{Outcome, PERCENTILES, RATE};
use super::tables::{grouped, number};
use super::variant::{FEW, Kind};

/// The picture, and in it the plot: left, top, right and bottom, in pixels.
const SIZE: (f64, f64) = (760.0, 420.0);
const LEFT: f64 = 80.0;
const TOP: f64 = 68.0;
const RIGHT: f64 = 540.0;
const BOTTOM: f64 = 360.0;
/// From one label to the next, at least.
const LINE: f64 = 18.0;
/// What costs less is drawn here, in µs: a logarithm has no zero.
const LEAST: f64 = 1.0;
/// From here on, the greatest latency beside the least, an axis has a line a decade.
const MANY_DECADES: f64 = 1_000.0;

const STYLE: &str = "\
.paper{fill:#fff}text{font:13px system-ui,sans-serif;fill:#1b2430}.soft{fill:#556170}.title{font-weight:600;font-size:15px}\
.grid{stroke:#dbe1e8}path{fill:none;stroke-width:2.5}.dashed{stroke-dasharray:5 4;stroke-width:1.5}\
.ours{stroke:#0b62c4;fill:#0b62c4}.more{stroke:#0a7f6f;fill:#0a7f6f}.rbac{stroke:#b3400a;fill:#b3400a}\
.opa{stroke:#8a2da5;fill:#8a2da5}.bare{stroke:#66707d;fill:#66707d}\
text.ours,text.more,text.rbac,text.opa,text.bare{stroke:none}path.ours,path.more,path.rbac,path.opa,path.bare{fill:none}\
@media(prefers-color-scheme:dark){.paper{fill:#12171e}text{fill:#e6ebf1}.soft{fill:#9fabb9}.grid{stroke:#2c3541}\
.ours{stroke:#6db3ff;fill:#6db3ff}.more{stroke:#4fd1bd;fill:#4fd1bd}.rbac{stroke:#ff9a62;fill:#ff9a62}\
.opa{stroke:#d59bea;fill:#d59bea}.bare{stroke:#9fabb9;fill:#9fabb9}}";

/// A scale of logarithms: values from the first to the second, at pixels from the third to the fourth.
#[derive(Clone, Copy)]
struct Scale(f64, f64, f64, f64);

impl Scale {
    fn at(self, value: f64) -> f64 {
        let Self(least, most, from, to) = self;
        from + (value.clamp(least, most).ln() - least.ln()) / (most.ln() - least.ln()) * (to - from)
    }
}

/// A line, or a point, with its label.
struct Series {
    class: &'static str,
    label: String,
    points: Vec<(f64, f64)>,
}

/// Writes both plots, over mutual TLS: most gateways have that.
pub fn write(findings: &Findings) -> Result<()> {
    let (_, mutual) = findings.transports.last().context("nothing was measured")?;
    let folder = workspace().join("docs/images");
    fs::write(folder.join("cost.svg"), cost(mutual)?)?;
    Ok(fs::write(folder.join("latency.svg"), latency(mutual)?)?)
}

fn find(outcomes: &[Outcome], kind: Kind) -> Result<&Outcome> {
    outcomes.iter().rfind(|outcome| outcome.kind == kind).with_context(|| format!("{} was not measured", kind.name()))
}

/// What filters add to a request's CPU, by the number of rules.
fn cost(outcomes: &[Outcome]) -> Result<String> {
    let of = |is_meant: fn(Kind) -> Option<usize>| -> Vec<(f64, f64)> {
        let point = |outcome: &Outcome| is_meant(outcome.kind).map(|rules| (rules as f64, outcome.added.middle));
        outcomes.iter().filter_map(point).collect()
    };
    let rbac = of(|kind| if let Kind::Rbac(rules) = kind { Some(rules) } else { None });
    let ours = of(|kind| if let Kind::Ours(rules) = kind { Some(rules) } else { None });
    let most = rbac.iter().map(|(rules, _)| *rules).fold(10.0, f64::max);
    let flat = |kind: Kind| -> Result<Vec<(f64, f64)>> {
        let added = find(outcomes, kind)?.added.middle;
        Ok(vec![(FEW as f64, added), (most, added)])
    };
    let opa = find(outcomes, Kind::Opa)?;
    let opa = opa.added.middle + opa.beside.map_or(0.0, |beside| beside.middle);
    let everything = find(outcomes, Kind::Everything)?.added.middle;
    let usual = find(outcomes, Kind::Usual)?.added.middle;
    let series = [
        Series { class: "rbac", label: "Istio's RBAC".to_owned(), points: rbac },
        Series { class: "ours", label: "Sallyport, rules alone".to_owned(), points: ours },
        Series { class: "bare", label: "an empty wasm filter".to_owned(), points: flat(Kind::Empty)? },
        Series { class: "bare", label: "Lua, one header".to_owned(), points: flat(Kind::Lua)? },
    ];
    let points = [
        Series { class: "opa", label: "OPA, with its own CPU".to_owned(), points: vec![(FEW as f64, opa)] },
        Series { class: "more", label: "Sallyport, everything on".to_owned(), points: vec![(FEW as f64, everything)] },
        Series { class: "ours", label: "Sallyport, the defaults".to_owned(), points: vec![(FEW as f64, usual)] },
    ];
    let highest = series.iter().chain(&points).flat_map(|series| &series.points).map(|(_, added)| *added);
    let highest = 10_f64.powf(highest.fold(LEAST, f64::max).log10().ceil());
    let x = Scale(FEW as f64, most, LEFT, RIGHT);
    let y = Scale(LEAST, highest, BOTTOM, TOP);
    let mut svg = head(
        "What a filter adds to the CPU for a request, in µs",
        "mutual TLS; logarithmic axes; all requests are allowed, by the last rule, which is RBAC's worst case",
        "rules of the policy",
    );
    let decades =
        |from: f64, to: f64| std::iter::successors(Some(from), |at| Some(at * 10.0)).take_while(move |at| *at <= to);
    for value in decades(LEAST, highest) {
        let text = if value > LEAST { grouped(value) } else { format!("{} or less", grouped(value)) };
        horizontal(&mut svg, y.at(value), &text);
    }
    for value in decades(FEW as f64, most) {
        vertical(&mut svg, x.at(value), &grouped(value));
    }
    for Series { class, label, points } in &points {
        let Some((rules, added)) = points.first() else { continue };
        let (left, top) = (x.at(*rules), y.at(*added));
        let _ = writeln!(svg, "<circle class=\"{class}\" cx=\"{left:.1}\" cy=\"{top:.1}\" r=\"5\"/>");
        let text = format!("{label}: {}", number(*added));
        let _ = writeln!(svg, "<text class=\"{class}\" x=\"{:.1}\" y=\"{:.1}\">{text}</text>", left + 10.0, top - 6.0);
    }
    lines(&mut svg, &series, (x, y));
    Ok(svg + "</svg>\n")
}

/// Latency by percentile.
fn latency(outcomes: &[Outcome]) -> Result<String> {
    let of = |kind: Kind| -> Result<Vec<(f64, f64)>> {
        let taken = find(outcomes, kind)?.latency.as_ref().context("no latency was taken")?;
        Ok(PERCENTILES.iter().map(|percent| 100.0 / (100.0 - percent)).zip(taken.iter().copied()).collect())
    };
    // All but OPA of one group: they take turns.
    let mut series = vec![
        Series { class: "bare", label: "no filter".to_owned(), points: of(Kind::None)? },
        Series { class: "ours", label: "Sallyport, 1,000 rules".to_owned(), points: of(Kind::Ours(1_000))? },
        Series { class: "more", label: "all on, 10 rules".to_owned(), points: of(Kind::Everything)? },
        Series { class: "rbac", label: "RBAC, 1,000 rules".to_owned(), points: of(Kind::Rbac(1_000))? },
    ];
    // Where the machine is too slow, OPA cannot keep up with the rate.
    if let Ok(points) = of(Kind::Opa) {
        series.push(Series { class: "opa", label: "OPA, 10 rules".to_owned(), points });
    }
    let values = || series.iter().flat_map(|series| &series.points).map(|(_, taken)| *taken);
    let (least, most) = (values().fold(f64::INFINITY, f64::min), values().fold(LEAST, f64::max));
    // Lines at 1, 2 and 5 of each decade, or at 1 where there would be too many.
    let within: &[f64] = if most / least > MANY_DECADES { &[1.0] } else { &[1.0, 2.0, 5.0] };
    let steps: Vec<f64> = (0..8).flat_map(|power| within.iter().map(move |step| step * 10_f64.powi(power))).collect();
    let below = steps.iter().copied().filter(|step| *step <= least).fold(LEAST, f64::max);
    let above = steps.iter().copied().filter(|step| *step >= most).fold(f64::INFINITY, f64::min);
    let last = PERCENTILES.last().map_or(2.0, |percent| 100.0 / (100.0 - percent));
    let first = PERCENTILES.first().map_or(1.0, |percent| 100.0 / (100.0 - percent));
    let (x, y) = (Scale(first, last, LEFT, RIGHT), Scale(below, above, BOTTOM, TOP));
    let under =
        format!("mutual TLS, {} requests a second; on the right that of 99.9 % of them", grouped(f64::from(RATE)));
    let mut svg = head("Latency of a request in µs", &under, "percentile");
    for value in steps.iter().filter(|step| (below..=above).contains(*step)) {
        horizontal(&mut svg, y.at(*value), &grouped(*value));
    }
    for percent in PERCENTILES.into_iter().filter(|percent| [50.0, 90.0, 99.0, 99.9].contains(percent)) {
        vertical(&mut svg, x.at(100.0 / (100.0 - percent)), &format!("{percent}"));
    }
    lines(&mut svg, &series, (x, y));
    Ok(svg + "</svg>\n")
}

/// The paper, its title with a line under it, and what the horizontal axis has.
fn head(title: &str, under: &str, below: &str) -> String {
    let (width, height) = SIZE;
    let middle = (LEFT + RIGHT) / 2.0;
    let foot = BOTTOM + 44.0;
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" \
         role=\"img\" aria-label=\"{title}, by {below}\"><style>{STYLE}</style>\n\
         <rect class=\"paper\" width=\"{width}\" height=\"{height}\" rx=\"6\"/>\n\
         <text class=\"title\" x=\"16\" y=\"28\">{title}</text>\n\
         <text class=\"soft\" x=\"16\" y=\"47\">{under}</text>\n\
         <text class=\"soft\" x=\"{middle}\" y=\"{foot}\" text-anchor=\"middle\">{below}</text>\n"
    )
}

fn horizontal(svg: &mut String, y: f64, text: &str) {
    let _ = writeln!(
        svg,
        "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{RIGHT}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>\
         <text class=\"soft\" x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{text}</text>",
        LEFT - 8.0,
        y + 4.0
    );
}

fn vertical(svg: &mut String, x: f64, text: &str) {
    let _ = writeln!(
        svg,
        "<line class=\"grid\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{TOP}\" y2=\"{BOTTOM}\"/>\
         <text class=\"soft\" x=\"{x:.1}\" y=\"{}\" text-anchor=\"middle\">{text}</text>",
        BOTTOM + 20.0
    );
}

/// Lines, each with its label at its end; labels that would lie on each other are moved apart.
fn lines(svg: &mut String, series: &[Series], (x, y): (Scale, Scale)) {
    let mut ends = Vec::new();
    for Series { class, label, points } in series {
        let steps: Vec<String> =
            points.iter().map(|(at, value)| format!("{:.1} {:.1}", x.at(*at), y.at(*value))).collect();
        let dashed = if *class == "bare" { " dashed" } else { "" };
        let _ = writeln!(svg, "<path class=\"{class}{dashed}\" d=\"M{}\"/>", steps.join("L"));
        if let Some((_, value)) = points.last() {
            ends.push((y.at(*value), *class, format!("{label}: {}", number(*value))));
        }
    }
    ends.sort_by(|one, other| one.0.total_cmp(&other.0));
    // From the lowest up, none lower than the axis and each a line above the one before.
    let mut lowest = BOTTOM;
    for (end, _, _) in ends.iter_mut().rev() {
        *end = end.min(lowest);
        lowest = *end - LINE;
    }
    for (end, class, text) in ends {
        let _ = writeln!(svg, "<text class=\"{class}\" x=\"{}\" y=\"{:.1}\">{text}</text>", RIGHT + 10.0, end + 4.0);
    }
}
