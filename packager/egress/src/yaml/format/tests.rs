use super::*;

fn source(text: &str) -> SourceFile {
    SourceFile { name: "a.yaml".to_owned(), text: text.to_owned() }
}

/// What comes out stays as it is.
fn check(text: &str, expected: &str) {
    let written = formatted(0, &source(text)).unwrap_or_else(|problems| panic!("{text}\n{problems:?}"));
    assert_eq!(written, expected);
    assert_eq!(formatted(0, &source(&written)).as_deref(), Ok(written.as_str()));
}

#[test]
fn only_white_space_changes() {
    check(
        "\n\n# head\n\n\n\na :   1   # one\nlist:\n    -   x:  [ 1,2 ,3 ]\n        y: { a : b,c: d }\n\n        # of z\n        \
         z: ~\n    # of the next\n    - w\n\nlast:\n      # of key\n      key:\n         deep: \"a\\\"b\"  \n      # end\n# foot\n\n\n",
        "# head\n\na: 1   # one\nlist:\n- x: [1, 2, 3]\n  y: {a: b, c: d}\n\n  # of z\n  z: ~\n# of the next\n- w\n\n\
         last:\n  # of key\n  key:\n    deep: \"a\\\"b\"\n  # end\n# foot\n",
    );
}

#[test]
fn lists_in_lists_and_values_on_lines_of_their_own() {
    check(
        "a:\n   - - 1\n     -   2\n   -\n     - 3\nb:\n      'x'\nc:\n    {d: e}\n",
        "a:\n- - 1\n  - 2\n-\n  - 3\nb:\n  'x'\nc:\n  {d: e}\n",
    );
    check("---\na:\nb: \n", "---\na:\nb:\n");
    check("a:   b\n---\n# end\n", "a: b\n---\n# end\n");
    check("# a\n---\n---\na:   b\n...\n", "# a\n---\n---\na: b\n...\n");
    check("{a: b,\n   c: [ d,\n  e ]\n}", "{a: b,\n   c: [d,\n  e]\n}\n");
}

#[test]
fn brackets_over_several_lines_move_as_a_whole() {
    check(
        "a:\n    - b: {c: d,\n          # of e\n          e: [f,\n              g]}\n      h: i\n",
        "a:\n- b: {c: d,\n      # of e\n      e: [f,\n          g]}\n  h: i\n",
    );
}

#[test]
fn the_lines_of_a_value_stay_what_they_are() {
    check(
        "a:\n    - b: |\n            one\n              two   \n\n            three\n      c: >-\n         x\n\n\n      d: |2\n          y\n    \
         - e: \"p\n        q\"\n      f: r\n        s\n",
        "a:\n- b: |\n    one\n      two   \n\n    three\n  c: >-\n    x\n\n  d: |2\n      y\n- e: \"p\n    q\"\n  f: r\n    s\n",
    );
    check("a: |+\n  x\n\n\nb: |\n  # text\n# no text\n", "a: |+\n  x\n\n\nb: |\n  # text\n# no text\n");
    check("a: |+\n  x\n\n\n", "a: |+\n  x\n\n\n");
    check("a: |\n  x\n\n\n", "a: |\n  x\n");
    check("a:   |\nb:\n   - >-\n\n   - c\n", "a: |\nb:\n- >-\n\n- c\n");
}

#[test]
fn what_cannot_be_read_is_not_formatted() {
    for (text, code) in
        [("a: [", "SP0101"), ("", "SP0006"), ("a: 1\r\n", "SP0004"), ("a: &x 1\n", "SP0104"), ("? a\n: b\n", "SP9005")]
    {
        let problems = formatted(0, &source(text)).expect_err("not readable");
        assert_eq!(problems.first().map(|problem| problem.code.as_str()), Some(code), "{text}");
    }
}

#[test]
fn a_list_at_the_column_of_its_key_may_begin_with_brackets() {
    check("k1:\n- [a]\n", "k1:\n- [a]\n");
    check("k1:\n  - [a]\n  - [b]\n", "k1:\n- [a]\n- [b]\n");
    check("k1:\n-   - [a]\n    - {b: c}\nk2:\n- {d: e}\n- []\n", "k1:\n- - [a]\n  - {b: c}\nk2:\n- {d: e}\n- []\n");
    check("-   [a]\n-   k:\n    - [b]\n", "- [a]\n- k:\n  - [b]\n");
}

#[test]
fn empty_lines_of_a_block_come_out_the_same_again() {
    check("a: |\n   \n", "a: |\n");
    check("a: |\n   \n  \nb: |+\n \n\nc: 1\n", "a: |\n\nb: |+\n\n\nc: 1\n");
    check("a: |+\n    \n   \nb: 1\n", "a: |+\n\n\nb: 1\n");
    check("a: |\n   x\n\n   \n# c\n", "a: |\n  x\n\n# c\n");
    check("a: |\n   x\n     \n   \n\nb: 1\n", "a: |\n  x\n    \n\nb: 1\n");
    check("a: |2\n    x\n \n \n# c\n", "a: |2\n    x\n\n# c\n");
    check("a: |+\n   x\n \n# c\n", "a: |+\n  x\n\n# c\n");
}

#[test]
fn a_comment_below_a_block_stays_a_comment() {
    check("a: |\n    x\n   # after\nb: 1\n", "a: |\n  x\n# after\nb: 1\n");
    check(
        "a:\n    b: |\n        x\n      # one\n        # two\n    c: 1\n",
        "a:\n  b: |\n    x\n  # one\n      # two\n  c: 1\n",
    );
    check("a:\n  - >-\n      x\n    # one\n  - b\n", "a:\n- >-\n  x\n# one\n- b\n");
}

/// PyYAML and others take the line end at the end of a file as part of the value.
#[test]
fn a_block_at_the_end_gets_no_line_end_that_it_has_not() {
    check("a: >\n   x", "a: >\n  x");
    check("a: |\n   x\n", "a: |\n  x\n");
    check("a: |+\n  x\n      ", "a: |+\n  x\n      ");
    check("a: |+\n   x\n  ", "a: |+\n  x\n");
    check("a: |\n  x\n\n ", "a: |\n  x\n");
    check("a: |\n   x\n\n   ", "a: |\n  x\n\n  ");
    check("a: >-\n   x", "a: >-\n  x\n");
    check("a:   1", "a: 1\n");
}

#[test]
fn directives_stay_before_the_document() {
    check("%TAG ! tag:x,2000: # one\n---\na:   1\n", "%TAG ! tag:x,2000: # one\n---\na: 1\n");
}

#[test]
fn many_comments_and_long_lines_take_no_time() {
    let comments = format!("{}a: 1\n", "# c\n".repeat(30_000));
    let list = format!("a: [{}1]\n", "\"1\", ".repeat(60_000));
    let started = std::time::Instant::now();
    check(&comments, &comments);
    check(&list, &list);
    assert!(started.elapsed().as_secs() < 20, "{:?}", started.elapsed());
}
