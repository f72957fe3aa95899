//! The map in a real Chromium: what a reader sees, finds and presses.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, ensure};
use sallyport_tests::chromium::{Chromium, Page};
use sallyport_tests::process::Scratch;
use sallyport_tests::{gate, workspace};
use serde_json::json;

const WINDOW: [u32; 2] = [1280, 720];

/// The page that `sallyport map` makes of these files.
fn map(scratch: &Scratch, files: &Path, metrics: &[String]) -> Result<PathBuf> {
    let page = scratch.path().join("map.html");
    let mut command = Command::new(gate::sallyport()?);
    command.arg("map").arg(files).arg("-o").arg(&page).args(metrics).current_dir(workspace());
    let output = command.output()?;
    ensure!(output.status.success(), "{output:?}");
    Ok(page)
}

/// What a gateway counts that has something to do.
const BUSY: &str = "sallyport_requests_allowed 12031
sallyport_requests_denied 7
sallyport_requests_not_allowed 41
sallyport_rule_readers_allowed 12000
sallyport_rule_writers_allowed 31
sallyport_health_upstream_state 0
sallyport_config_loaded_at_seconds 1
";

/// So many gateways of ten teams, each with a caller or two, some with an upstream in common.
fn write_many(scratch: &Scratch, count: usize) -> Result<PathBuf> {
    const TEAMS: [&str; 10] =
        ["billing", "catalog", "claims", "crm", "logistics", "orders", "payments", "risk", "shop", "treasury"];
    let folder = scratch.folder("many")?;
    for number in 0..count {
        let (team, other) = (TEAMS[number % 10], TEAMS[(number % 10 + 1 + number / 100) % 10]);
        let stage = if number % 50 == 49 { "shadow" } else { "enforce" };
        fs::write(
            folder.join(format!("{number}.yaml")),
            format!(
                "apiVersion: sallyport.dev/v1alpha1
kind: Egress
metadata: {{name: up-{number}, namespace: egress-{team}}}
spec:
  host: up-{number}.legacy.internal
  upstream: {{host: up-{}.example.com, port: 443}}
  rollout: {{stage: {stage}}}
  authz:
    rules:
    - id: readers
      action: ALLOW
      from: [{{source: {{serviceAccounts: [{team}/web, {team}/job-{}]}}}}]
      to: [{{operation: {{methods: [GET], paths: [\"/v1/{number}/*\"]}}}}]
    - id: guests
      action: ALLOW
      from: [{{source: {{namespaces: [{other}]}}}}]
      to: [{{operation: {{methods: [HEAD]}}}}]
",
                number - number % 3,
                number / 10 % 5,
            ),
        )?;
    }
    Ok(folder)
}

fn check_quiet(page: &mut Page<'_>) -> Result<()> {
    let complaints = page.complaints()?;
    ensure!(complaints.is_empty(), "{complaints:#?}");
    Ok(())
}

fn names(page: &mut Page<'_>) -> Result<Vec<String>> {
    let names = page.eval("[...document.querySelectorAll('#canvas .node')].map(n => n.getAttribute('aria-label'))")?;
    Ok(names.as_array().into_iter().flatten().filter_map(|name| name.as_str().map(str::to_owned)).collect())
}

fn status(page: &mut Page<'_>) -> Result<String> {
    page.text("document.getElementById('status').textContent")
}

fn focused(page: &mut Page<'_>) -> Result<String> {
    page.text("document.activeElement.getAttribute('aria-label') ?? document.activeElement.id")
}

/// A screenshot that is not empty. With `MAP_SCREENSHOTS=FOLDER` it is there to be looked at.
fn shoot(page: &mut Page<'_>, scratch: &Scratch, name: &str) -> Result<()> {
    let folder = std::env::var_os("MAP_SCREENSHOTS").map_or_else(|| scratch.path().to_owned(), PathBuf::from);
    let file = folder.join(format!("{name}.png"));
    page.screenshot(&file)?;
    // A page of one colour has some thousand bytes.
    ensure!(fs::metadata(&file)?.len() > 30_000, "{name} is empty");
    Ok(())
}

/// Chooses a value of a filter.
fn choose(page: &mut Page<'_>, filter: &str, value: &str) -> Result<()> {
    let expression = format!(
        "(() => {{ const filter = document.getElementById('{filter}'); filter.value = '{value}'; \
         filter.dispatchEvent(new Event('change')); return filter.value === '{value}'; }})()"
    );
    ensure!(page.eval(&expression)? == true, "`{filter}` has no `{value}`");
    Ok(())
}

#[test]
fn a_small_map_is_searched_filtered_and_walked() -> Result<()> {
    let scratch = Scratch::new("map")?;
    let busy = scratch.write("httpbin.txt", BUSY)?;
    let down =
        scratch.write("ledger.txt", "sallyport_health_upstream_state 2\nsallyport_config_loaded_at_seconds 1\n")?;
    let metrics = [
        format!("--metrics=egress-httpbin/httpbin={}", busy.display()),
        format!("--metrics=egress-ledger/ledger={}", down.display()),
    ];
    let file = map(&scratch, Path::new("deploy/examples"), &metrics)?;
    let mut chromium = Chromium::start(&scratch)?;
    let mut page = chromium.open(&file, WINDOW, "light")?;
    ensure!(status(&mut page)? == "4 of 4 gateways, 12 of 12 permissions");
    ensure!(names(&mut page)?.iter().any(|name| name == "payments/api, caller"));
    shoot(&mut page, &scratch, "small-light")?;

    // Search, from the keyboard alone.
    page.press("/")?;
    ensure!(focused(&mut page)? == "search", "{}", focused(&mut page)?);
    page.type_text("postings")?;
    ensure!(status(&mut page)?.starts_with("1 of 4 gateways, "), "{}", status(&mut page)?);
    ensure!(names(&mut page)?.iter().all(|name| !name.contains("httpbin")), "{:?}", names(&mut page)?);
    page.type_text(" and something that is nowhere")?;
    ensure!(status(&mut page)? == "Nothing fits the search and the filters. Press Esc to clear them.");
    page.press("Escape")?;
    ensure!(status(&mut page)? == "4 of 4 gateways, 12 of 12 permissions");

    // A walk: down, to the gateway, and what it is.
    page.eval("document.querySelector('[data-key=c0]').focus()")?;
    page.press("ArrowDown")?;
    page.press("ArrowRight")?;
    ensure!(focused(&mut page)?.contains("httpbin, gateway for httpbin.legacy.internal"), "{}", focused(&mut page)?);
    page.press("Enter")?;
    let details = page.text("document.getElementById('details').innerText")?;
    for expected in [
        "egress-httpbin/httpbin",
        "httpbin.legacy.internal",
        "GET, HEAD",
        "no-admin",
        "rule no-legacy-clients\nin force: no (only counted: shadow rule)",
    ] {
        ensure!(details.contains(expected), "no `{expected}` in {details}");
    }
    ensure!(page.eval("document.activeElement.getAttribute('aria-pressed')")? == "true");
    ensure!(page.eval("document.querySelectorAll('#canvas .link.on').length")?.as_u64() >= Some(4));
    shoot(&mut page, &scratch, "small-selected")?;
    page.press("Escape")?;
    ensure!(page.eval("document.querySelectorAll('#canvas .on').length")? == 0);

    // What is down, and what it is beside.
    choose(&mut page, "health", "down")?;
    ensure!(status(&mut page)?.starts_with("1 of 4 gateways, "), "{}", status(&mut page)?);
    ensure!(names(&mut page)?.iter().any(|name| name.ends_with("enforce, down")), "{:?}", names(&mut page)?);
    choose(&mut page, "health", "")?;
    let traffic = page.text("[...document.querySelectorAll('.count')].map(count => count.textContent).join()")?;
    ensure!(traffic == "12.0k · 48,0 · 0", "{traffic}");

    // A filter and the table.
    choose(&mut page, "namespace", "shop")?;
    page.click("document.getElementById('view-table')")?;
    let table = page.text("document.querySelector('#table table').innerText")?;
    ensure!(table.contains("shop/orders") && !table.contains("payments/api"), "{table}");
    ensure!(page.eval("document.getElementById('canvas').hidden")? == true);
    page.click("document.querySelector('#table th:nth-child(2) button')")?;
    ensure!(page.eval("document.querySelector('#table th:nth-child(2)').getAttribute('aria-sort')")? == "ascending");
    page.click("document.querySelector('#table td button')")?;
    ensure!(page.text("document.querySelector('#details h2').textContent")? == "shop/orders");
    check_quiet(&mut page)
}

/// The relation of the luminances of two colours, as WCAG 2 has it.
const CONTRAST: &str = "(one, two) => { const style = getComputedStyle(document.documentElement); \
     const luminance = (name) => { const c = style.getPropertyValue(name).trim(); \
     const [r, g, b] = [1, 3, 5].map(i => parseInt(c.slice(i, i + 2), 16) / 255).map(v => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4); \
     return .2126 * r + .7152 * g + .0722 * b; }; \
     const [a, b] = [luminance(one), luminance(two)]; return (Math.max(a, b) + .05) / (Math.min(a, b) + .05); }";

#[test]
fn it_can_be_read_by_everyone() -> Result<()> {
    let scratch = Scratch::new("map-contrast")?;
    let file = map(&scratch, Path::new("deploy/examples"), &[])?;
    let mut chromium = Chromium::start(&scratch)?;
    for scheme in ["light", "dark"] {
        let mut page = chromium.open(&file, WINDOW, scheme)?;
        for (ink, paper, least) in [
            ("--ink", "--paper", 7.0),
            ("--ink", "--box", 7.0),
            ("--ink", "--accent-box", 7.0),
            ("--soft", "--paper", 4.5),
            ("--soft", "--panel", 4.5),
            ("--soft", "--box", 4.5),
            ("--accent", "--paper", 4.5),
            ("--accent", "--panel", 4.5),
            ("--warn", "--box", 4.5),
            ("--warn", "--panel", 4.5),
            ("--warn", "--accent-box", 4.5),
            ("--bad", "--box", 4.5),
            ("--bad", "--accent-box", 4.5),
            ("--good", "--box", 4.5),
            ("--edge", "--paper", 3.0),
        ] {
            let contrast = page.eval(&format!("({CONTRAST})('{ink}', '{paper}')"))?;
            ensure!(contrast.as_f64().is_some_and(|found| found >= least), "{scheme}: {ink} on {paper}: {contrast}");
        }
        // Everything that can be used has a name and is reached by the Tab key; of the picture, one node.
        let unnamed = "[...document.querySelectorAll('button, input, select, [role=button]')].filter(e => e.checkVisibility() && \
             !(e.getAttribute('aria-label') ?? e.labels?.[0]?.textContent ?? e.textContent).trim()).length";
        ensure!(page.eval(unnamed)? == 0);
        ensure!(page.eval("document.querySelectorAll('#canvas [tabindex=\"0\"]').length")? == 1);
    }
    Ok(())
}

/// Two programs lay the map out, so each has to draw what the other does: rows in their order, and as many links.
#[test]
fn the_page_and_the_picture_are_the_same() -> Result<()> {
    let scratch = Scratch::new("map-twins")?;
    let many = write_many(&scratch, 300)?;
    let mut chromium = Chromium::start(&scratch)?;
    for files in [Path::new("deploy/examples"), &many] {
        let file = map(&scratch, files, &[])?;
        let mut page = chromium.open(&file, WINDOW, "light")?;
        // Without the sign of a group, the counts of its nodes, and what is cut.
        let drawn = "(rows => JSON.stringify([rows.map(row => (row.querySelector('text.name, text.head')?.textContent \
             ?? row.querySelector('text').textContent).replace(/^[▸▾] | \\(\\d.*|…$/g, '').slice(0, 20)), \
             [...document.querySelectorAll('svg:not([aria-hidden]) .link')].map(link => link.getAttribute('stroke-width') \
             + link.getAttribute('class').replace('link', '').trim()).sort(), \
             document.querySelectorAll('svg rect.candidate').length]))";
        let by_page = page.text(&format!("{drawn}([...document.querySelectorAll('#canvas .node')])"))?;
        page.without_scripts()?;
        let by_picture = page.text(&format!("{drawn}([...document.querySelectorAll('svg > g')])"))?;
        ensure!(by_page.len() > 300 && by_page == by_picture, "{by_page}\n{by_picture}");
    }
    Ok(())
}

#[test]
fn without_scripts_there_is_a_picture() -> Result<()> {
    let scratch = Scratch::new("map-plain")?;
    let file = map(&scratch, Path::new("deploy/examples"), &[])?;
    let mut chromium = Chromium::start(&scratch)?;
    let mut page = chromium.open(&file, WINDOW, "light")?;
    page.without_scripts()?;
    let text = page.text("document.querySelector('svg').textContent")?;
    ensure!(text.contains("payments/api") && text.contains("httpbin.org:443"), "{text}");
    // Its style is in force.
    let fill = "getComputedStyle(document.querySelector('svg .paper')).fill";
    ensure!(page.text(fill)? == "rgb(255, 255, 255)", "{}", page.text(fill)?);
    ensure!(page.eval("document.getElementById('search').checkVisibility()")? == false, "what does nothing is shown");
    shoot(&mut page, &scratch, "plain")?;
    check_quiet(&mut page)
}

/// The picture in the manual is what the command draws.
#[test]
fn the_picture_in_the_manual_is_new() -> Result<()> {
    let output = Command::new(gate::sallyport()?)
        .args(["map", "deploy/examples", "--format", "svg"])
        .current_dir(workspace())
        .output()?;
    ensure!(output.status.success(), "{output:?}");
    let kept = fs::read(workspace().join("docs/images/map.svg"))?;
    ensure!(kept == output.stdout, "run `sallyport map deploy/examples --format svg -o docs/images/map.svg`");
    Ok(())
}

#[test]
fn three_hundred_upstreams_are_readable() -> Result<()> {
    let scratch = Scratch::new("map-many")?;
    let folder = write_many(&scratch, 300)?;
    let file = map(&scratch, &folder, &[])?;
    let mut chromium = Chromium::start(&scratch)?;
    let mut page = chromium.open(&file, WINDOW, "dark")?;
    ensure!(status(&mut page)?.starts_with("300 of 300 gateways, "), "{}", status(&mut page)?);
    let folded = names(&mut page)?;
    ensure!(folded.len() == 28 && folded.iter().any(|name| name == "egress-risk: 30 gateways"), "{folded:?}");
    ensure!(page.text("getComputedStyle(document.body).backgroundColor")? == "rgb(18, 23, 30)");
    shoot(&mut page, &scratch, "many-dark")?;

    // All of it without a scroll bar to the side, and larger and smaller.
    const WIDER: &str = "document.getElementById('canvas').scrollWidth > document.getElementById('canvas').clientWidth";
    ensure!(page.eval(WIDER)? == false);
    let width = "document.querySelector('#canvas svg').getBoundingClientRect().width";
    let before = page.eval(width)?.as_f64();
    page.eval("document.activeElement.blur()")?;
    page.press("+")?;
    page.press("+")?;
    ensure!(page.eval(width)?.as_f64() > before && page.eval(WIDER)? == true);
    page.press("0")?;
    ensure!(page.eval(width)?.as_f64() == before);

    // The wheel with the control key is for the place under the pointer; dragging moves it.
    page.control_wheel([800, 300], -120)?;
    page.wait(&format!("{width} > {}", before.unwrap_or_default()))?;
    for _ in 0..4 {
        page.click("document.getElementById('zoom-in')")?;
    }
    const PLACE: &str = "[document.getElementById('canvas').scrollLeft, document.getElementById('canvas').scrollTop]";
    let there = page.eval(PLACE)?;
    page.drag([600, 500], [500, 460])?;
    page.wait(&format!("{PLACE}.join() !== '{},{}'", there[0], there[1]))?;
    ensure!(names(&mut page)?.len() == 28, "a drag is no click");
    page.click("document.getElementById('zoom-fit')")?;

    // One group is opened by its key, and closed by a click.
    page.eval("document.querySelector('[data-key=\"1|egress-risk\"]').focus()")?;
    page.press("Enter")?;
    ensure!(names(&mut page)?.len() == 58);
    ensure!(focused(&mut page)? == "egress-risk: 30 gateways");
    shoot(&mut page, &scratch, "many-open")?;
    page.click("document.querySelector('[data-key=\"1|egress-risk\"]')")?;
    ensure!(names(&mut page)?.len() == 28);

    // What few words are left of is open by itself.
    page.press("/")?;
    page.type_text("/v1/217/")?;
    let found = names(&mut page)?;
    ensure!(found.iter().any(|name| name.starts_with("egress-risk/up-217, gateway")), "{found:?}");
    ensure!(found.iter().any(|name| name == "up-216.example.com:443, upstream, HTTP/1.1, TLS"), "{found:?}");
    page.press("Escape")?;
    choose(&mut page, "stage", "policy in shadow")?;
    ensure!(status(&mut page)?.starts_with("6 of 300 gateways, "), "{}", status(&mut page)?);

    // The whole table is one press away.
    page.press("Escape")?;
    choose(&mut page, "stage", "")?;
    page.click("document.getElementById('view-table')")?;
    ensure!(page.eval("document.querySelectorAll('#table tbody tr').length")? == 500);
    page.click("document.querySelector('#table > button')")?;
    ensure!(page.eval("document.querySelectorAll('#table tbody tr').length")? == 900);
    shoot(&mut page, &scratch, "many-table")?;

    // All of it at once, in a time that is no wait.
    page.click("document.getElementById('view-map')")?;
    let took = page.eval("(() => { const t = performance.now(); document.getElementById('unfold').click(); return performance.now() - t; })()")?;
    ensure!(took.as_f64().is_some_and(|milliseconds| milliseconds < 2_000.0), "{took} ms");
    ensure!(names(&mut page)?.len() == 470 + 28, "{}", names(&mut page)?.len());
    page.click("document.getElementById('fold')")?;

    // The other scheme, against the system's.
    page.click("document.getElementById('theme')")?;
    ensure!(page.text("getComputedStyle(document.body).backgroundColor")? == "rgb(255, 255, 255)");
    shoot(&mut page, &scratch, "many-light")?;
    check_quiet(&mut page)
}

/// Texts in files that would do something if the page took them for more than texts.
const HOSTILE: &str = r#"apiVersion: sallyport.dev/v1alpha1
kind: Egress
metadata: {name: hostile, namespace: egress}
spec:
  host: hostile.internal
  upstream: {host: hostile.example.com, port: 443}
  authn: {jwt: [{issuer: "</script><script>alert(1)</script>", jwksUri: "https://example.com/keys"}]}
  authz:
    rules:
    - id: rule
      action: ALLOW
      from: [{source: {requestPrincipals: ["</script><script>alert(1)</script>*", "*<img src=x onerror=alert(2)>", "{{data}}{{picture}}*"]}}]
      to: [{operation: {pathRegex: ["/<svg/onload=alert.3.>", "/\u2028'\"--><!--"]}}]
      when: [{key: "request.headers[x-a]", values: ["]]></style><b onclick=alert(4)>"]}]
"#;

#[test]
fn names_are_nothing_but_names() -> Result<()> {
    let scratch = Scratch::new("map-hostile")?;
    let file = map(&scratch, &scratch.write("egress.yaml", HOSTILE)?, &[])?;
    let mut chromium = Chromium::start(&scratch)?;
    let mut page = chromium.open(&file, WINDOW, "light")?;
    page.click("document.querySelector('[data-key=g0]')")?;
    let details = page.text("document.getElementById('details').textContent")?;
    for name in [
        "</script><script>alert(1)</script>",
        "<img src=x onerror=alert(2)>",
        "{{data}}{{picture}}",
        "onload=alert.3.>",
    ] {
        ensure!(details.contains(name), "no `{name}` in {details}");
    }
    ensure!(page.eval("document.querySelectorAll('script').length")? == 2);
    ensure!(page.eval("document.querySelectorAll('img, b, [onclick], [onload], [onerror]').length")? == 0);
    check_quiet(&mut page)?;
    // Even if a name became an element, nothing of it would run.
    let run = "const s = document.createElement('script'); s.textContent = 'window.ran = 1'; document.body.append(s); \
               document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=\"window.ran = 2\">'); String(window.ran)";
    ensure!(page.eval(run)? == json!("undefined"));
    ensure!(!page.complaints()?.is_empty(), "the policy refuses nothing");

    // The picture is XML that a browser reads, too.
    let picture = scratch.path().join("hostile.svg");
    let svg = Command::new(gate::sallyport()?)
        .args(["map", "--format", "svg"])
        .arg(scratch.path().join("egress.yaml"))
        .output()?;
    fs::write(&picture, svg.stdout)?;
    let mut page = chromium.open(&picture, WINDOW, "light")?;
    ensure!(page.text("document.documentElement.textContent")?.contains("</script>"));
    check_quiet(&mut page)
}
