//! Nothing a script sees depends on addresses, the order of memory or the compiler.

use ceralacca_kernel::Value;

use super::{error, run_text, value};

#[test]
fn iteration_is_in_the_order_of_the_keys() {
    let expected = Value::from("1 2 3 10 a b c zz true");
    let filling = "local t = { 10, 20, 30, zz = 1, c = 2, [10] = 3 } t.a = 4 t.b = 5 t[true] = 6";
    for walk in [
        "for k in pairs(t) do",
        "for k, v in t do",
        "for k in next, t do",
        "local f, s, c = pairs(t) for k in f, s, c do",
        "for k in setmetatable({}, { __iter = function() return next, t end }) do",
        "for k in if true then t else {} do",
    ] {
        let body = format!(
            "{filling} local out = {{}} {walk} table.insert(out, tostring(k)) end \
             return table.concat(out, \" \")"
        );
        assert_eq!(value(&body), expected, "{walk}");
    }
    for (body, expected) in [
        ("local n = 0 for i, v in ipairs({ 5, 6 }) do n += i * v end return n", Value::Int(17)),
        ("local n = 0 for i, v in { 5, 6 } do n += i * v end return n", Value::Int(17)),
        (
            "local s = \"\" for w in string.gmatch(\"a b\", \"%a\") do s ..= w end return s",
            "ab".into(),
        ),
        ("local n = 0 for p, c in utf8.codes(\"é!\") do n += p end return n", Value::Int(4)),
        ("local t = { a = 1, b = 2 } for k in t do t[k] = nil end return next(t)", Value::Null),
        (
            "local meta = { __call = function(_, _, c) if not c then return 1, 2 end end } \
             local n = 0 for k, v in setmetatable({}, meta) do n += v end return n",
            Value::Int(2),
        ),
        ("return next({})", Value::Null),
        ("return next({ b = 1, a = 2 })", "a".into()),
        ("return next({ b = 1, a = 2 }, \"a\")", "b".into()),
    ] {
        assert_eq!(value(body), expected, "{body}");
    }
}

#[test]
fn tables_without_an_order_are_not_walked() {
    for body in [
        "for k in { [{}] = 1 } do end",
        "for k in pairs({ [print or {}] = 1 }) do end",
        "for k in pairs({ [pcall] = 1 }) do end",
        "for k in { [environment.create()] = 1 } do end",
        "next({ [{}] = 1 })",
        "for k in next, { [{}] = 1 } do end",
    ] {
        let body = body.replace("print or ", "");
        assert_eq!(error(&body).code(), "script.order", "{body}");
    }
}

#[test]
fn nothing_shows_an_address() {
    for expression in [
        "{}",
        "function() end",
        "pcall",
        "environment",
        "environment.create()",
        "environment.echo",
        "buffer.create(3)",
        "setmetatable({}, { __type = \"x\" })",
        "string",
        "stage",
        "select(2, pcall(environment.fail))",
        "select(2, pcall(error, {}))",
        "select(2, pcall(function() return {} < {} end))",
        "select(2, pcall(function() return {} .. {} end))",
        "select(2, pcall(string.rep, {}))",
        "select(2, pcall(tostring))",
        "select(2, pcall(function() return environment[{}] end))",
        "select(2, pcall(function() return environment.create()[{}] end))",
        "select(2, pcall(function() return _G[{}] end))",
    ] {
        for form in
            ["tostring", "string.format(\"%s %*\", X, X)", "`{X}`", "table.concat({tostring(X)})"]
        {
            let shown = match form {
                "tostring" => format!("tostring({expression})"),
                form => format!("({})", form.replace('X', "v")),
            };
            let shown = value(&format!("local v = {expression} return {shown}"));
            assert!(!shown.as_str().unwrap().contains("0x"), "{expression}: {shown:?}");
        }
    }
    let mut seen = error("error({})").to_string();
    seen += &error("error(function() end)").to_string();
    seen += &error("error(environment.create())").to_string();
    assert!(!seen.contains("0x"), "{seen}");
}

#[test]
fn a_comment_cannot_bring_the_optimiser_back() {
    for first in ["--!optimize 2\n", "--!native\n--!optimize 2\n", "--!strict\n--!optimize 1\n"] {
        let text = format!(
            "{first} return {{ run = function() return tostring({{}}) .. type(next) end }}"
        );
        assert_eq!(run_text(&text, Value::Null).0.unwrap(), "tablefunction".into());
    }
}

#[test]
fn numbers_agree() {
    assert_eq!(value("return environment.echo(10 / 2)"), Value::Int(5));
    assert_eq!(value("return 9007199254740992"), Value::Int(9_007_199_254_740_992));
    assert_eq!(value("return 1e300"), Value::Float(1e300));
    assert_eq!(value("return -0.0"), Value::Int(0));
    assert_eq!(value("return { a = nil }"), Value::Map(Default::default()));
    assert_eq!(value("return buffer.fromstring(\"abc\")"), Value::Bytes(b"abc".to_vec()));
}
