//! Wraps the expressions of every `for … in … do` in a call, so that iteration is ordered.
//!
//! Luau walks a table in the order of its memory, and no metatable or library function stands
//! between: `for k, v in t do` becomes `for k, v in _ceralacca_each(t) do`, on the same line. Only
//! tokens are looked at; what is not Luau is left for the compiler to refuse.

/// The function of the prelude that the text is made to call.
pub(crate) const EACH: &str = "_ceralacca_each";

/// The text with every generic `for` wrapped, or the line of a name that only the host may use.
pub(crate) fn rewrite(text: &str) -> Result<String, usize> {
    // Anything before the first comment takes the power from `--!optimize`, which would let the
    // compiler call library functions that the prelude has replaced.
    let mut out = String::with_capacity(text.len() + 64);
    out.push_str("do end ");
    let mut written = 0;
    let mut blocks = Blocks::new();
    for token in Lexer::new(text) {
        if token.text.starts_with("_ceralacca") {
            return Err(1 + text[..token.start].matches('\n').count());
        }
        match blocks.look(token.text) {
            Place::Open => {
                let end = token.start + token.text.len();
                out.push_str(&text[written..end]);
                out.push_str(" _ceralacca_each(");
                written = end;
            }
            Place::Close => {
                out.push_str(&text[written..token.start]);
                out.push_str(") ");
                written = token.start;
            }
            Place::Nothing => {}
        }
    }
    out.push_str(&text[written..]);
    Ok(out)
}

/// What to put at a token.
enum Place {
    Nothing,
    /// After it, the opening of the call.
    Open,
    /// Before it, the closing.
    Close,
}

/// Keeps count of blocks, to find the `do` that belongs to an `in`.
struct Blocks {
    /// Blocks that an `end` or `until` will close, and whether each is an `if`.
    blocks: Vec<bool>,
    /// How many blocks there were at every `in` whose `do` is not there yet.
    open: Vec<usize>,
    /// For every `if` before its `then`: whether it is a statement.
    conditions: Vec<bool>,
    /// For every `then` before its `else` or `end`: whether it belongs to a statement.
    branches: Vec<bool>,
    /// Whether a statement may begin here.
    statement: bool,
}

impl Blocks {
    fn new() -> Blocks {
        Blocks {
            blocks: Vec::new(),
            open: Vec::new(),
            conditions: Vec::new(),
            branches: Vec::new(),
            statement: true,
        }
    }

    fn look(&mut self, token: &str) -> Place {
        let begins = self.statement;
        self.statement = may_end_an_expression_or_block(token);
        match token {
            "in" => {
                self.open.push(self.blocks.len());
                return Place::Open;
            }
            "do" => {
                let closes = self.open.pop_if(|depth| *depth == self.blocks.len()).is_some();
                self.blocks.push(false);
                return if closes { Place::Close } else { Place::Nothing };
            }
            "function" | "repeat" => self.blocks.push(false),
            "end" => {
                if self.blocks.pop() == Some(true) {
                    self.branches.pop();
                }
            }
            "until" => {
                self.blocks.pop();
            }
            _ => self.look_at_condition(token, begins),
        }
        Place::Nothing
    }

    /// An `if` is a statement with an `end`, or an expression that ends by itself.
    fn look_at_condition(&mut self, token: &str, begins: bool) {
        match token {
            "if" => {
                self.conditions.push(begins);
                if begins {
                    self.blocks.push(true);
                }
            }
            "then" => {
                self.statement = self.conditions.pop().unwrap_or(true);
                self.branches.push(self.statement);
            }
            "elseif" => {
                let statement = self.branches.pop().unwrap_or(true);
                self.conditions.push(statement);
            }
            "else" => {
                self.statement = self.branches.pop().unwrap_or(true);
                if self.statement {
                    self.branches.push(true);
                }
            }
            _ => {}
        }
    }
}

/// Whether a statement may begin after this token; after an operator only an expression can.
fn may_end_an_expression_or_block(token: &str) -> bool {
    match token {
        "and" | "or" | "not" | "in" | "return" | "local" | "function" | "if" | "elseif"
        | "while" | "until" | "for" => false,
        // The closing of a generic type, and of an optional one.
        "..." | ")" | "]" | "}" | ";" | ">" | "?" => true,
        // An interpolated string that goes on with an expression.
        _ if token.len() > 1 && token.ends_with('{') => false,
        _ if token.len() > 1 && token.starts_with(['[', '}']) => true,
        _ => token.starts_with(|c: char| {
            c.is_ascii_alphanumeric() || matches!(c, '_' | '"' | '\'' | '`') || !c.is_ascii()
        }),
    }
}

struct Token<'a> {
    start: usize,
    text: &'a str,
}

/// Tokens, without comments. A string is one token; an interpolated one is several.
struct Lexer<'a> {
    text: &'a str,
    at: usize,
    /// For every interpolated string around this place: how many braces are open inside it.
    braces: Vec<usize>,
}

impl<'a> Lexer<'a> {
    fn new(text: &'a str) -> Lexer<'a> {
        Lexer { text, at: 0, braces: Vec::new() }
    }

    fn rest(&self) -> &'a [u8] {
        &self.text.as_bytes()[self.at.min(self.text.len())..]
    }

    fn skip_blanks_and_comments(&mut self) {
        loop {
            let blanks = self.rest().iter().take_while(|b| b.is_ascii_whitespace()).count();
            self.at += blanks;
            if !self.rest().starts_with(b"--") {
                return;
            }
            self.at += 2;
            match long_bracket(self.rest()) {
                Some(length) => self.at += length,
                None => self.at += self.rest().iter().take_while(|b| **b != b'\n').count(),
            }
        }
    }

    fn length(&mut self) -> usize {
        let rest = self.rest();
        match rest[0] {
            b'a'..=b'z' | b'A'..=b'Z' | b'_' | 128.. => {
                rest.iter().take_while(|b| is_name(**b)).count()
            }
            b'0'..=b'9' => number(rest),
            quote @ (b'"' | b'\'') => quoted(rest, quote),
            b'[' => long_bracket(rest).unwrap_or(1),
            b'`' => self.interpolated(1),
            b'{' => {
                if let Some(open) = self.braces.last_mut() {
                    *open += 1;
                }
                1
            }
            b'}' => match self.braces.last_mut() {
                Some(0) => {
                    self.braces.pop();
                    self.interpolated(1)
                }
                Some(open) => {
                    *open -= 1;
                    1
                }
                None => 1,
            },
            b'.' if rest.starts_with(b"...") => 3,
            _ => 1,
        }
    }

    /// To the end of the string, or to the brace of an expression in it.
    fn interpolated(&mut self, from: usize) -> usize {
        let rest = self.rest();
        let mut length = from;
        while let Some(byte) = rest.get(length) {
            length += 1;
            match byte {
                b'\\' => length += 1,
                b'{' => {
                    self.braces.push(0);
                    break;
                }
                b'`' => break,
                _ => {}
            }
        }
        length
    }
}

impl<'a> Iterator for Lexer<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        self.skip_blanks_and_comments();
        if self.rest().is_empty() {
            return None;
        }
        let start = self.at;
        let end = (start + self.length()).min(self.text.len());
        let end = (end..=self.text.len()).find(|at| self.text.is_char_boundary(*at))?;
        self.at = end;
        Some(Token { start, text: &self.text[start..end] })
    }
}

fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 128
}

/// Digits, letters and signs after an exponent, as Luau's own lexer takes them.
fn number(rest: &[u8]) -> usize {
    let mut length = 1;
    while let Some(byte) = rest.get(length) {
        let exponent = matches!(rest[length - 1], b'e' | b'E') && !rest.starts_with(b"0x");
        let dots = rest[length..].starts_with(b"..");
        if is_name(*byte) || *byte == b'.' && !dots || exponent && matches!(byte, b'+' | b'-') {
            length += 1;
        } else {
            break;
        }
    }
    length
}

fn quoted(rest: &[u8], quote: u8) -> usize {
    let mut length = 1;
    while let Some(byte) = rest.get(length) {
        length += 1;
        match byte {
            b'\\' => length += 1,
            b'\n' => break,
            byte if *byte == quote => break,
            _ => {}
        }
    }
    length
}

/// Length of `[==[ … ]==]`, or of all the rest when it is not closed.
fn long_bracket(rest: &[u8]) -> Option<usize> {
    let equals = rest.get(1..)?.iter().take_while(|b| **b == b'=').count();
    if rest.first() != Some(&b'[') || rest.get(1 + equals) != Some(&b'[') {
        return None;
    }
    let close: Vec<u8> = [&b"]"[..], &vec![b'='; equals], b"]"].concat();
    let body = &rest[2 + equals..];
    let end = body.windows(close.len()).position(|window| window == close);
    Some(end.map_or(rest.len(), |end| 2 + equals + end + close.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_generic_for_is_wrapped_and_nothing_else() {
        let wrapped = |text: &str| {
            let text = rewrite(text).unwrap();
            text.strip_prefix("do end ")
                .unwrap()
                .replace(" _ceralacca_each(", "<")
                .replace(") do", "> do")
        };
        for (given, expected) in [
            ("for k, v in t do f() end", "for k, v in< t > do f() end"),
            ("for i = 1, 3 do end while x do end", "for i = 1, 3 do end while x do end"),
            (
                "for k in f(function() for x in y do end end) do end",
                "for k in< f(function() for x in< y > do end end) > do end",
            ),
            ("for k in if a then b else c do end", "for k in< if a then b else c > do end"),
            (
                "for k in (function() if a then return b end end)() do end",
                "for k in< (function() if a then return b end end)() > do end",
            ),
            (
                "x = if a then if b then 1 else 2 else 3 for k in t do end",
                "x = if a then if b then 1 else 2 else 3 for k in< t > do end",
            ),
            (
                "if a then b() elseif c then d() else if e then f() end end for k in t do end",
                "if a then b() elseif c then d() else if e then f() end end for k in< t > do end",
            ),
            (
                "local x: A<B> if y then z() end for k in t do end",
                "local x: A<B> if y then z() end for k in< t > do end",
            ),
            (
                "-- in\n--[[ for k in t do ]] s = \"in\" s = 'for k in t do' s = [==[ in ]] ]==]",
                "-- in\n--[[ for k in t do ]] s = \"in\" s = 'for k in t do' s = [==[ in ]] ]==]",
            ),
            (
                "s = `in {f(function() for k in {1} do end end)} in {x}` for k in t do end",
                "s = `in {f(function() for k in< {1} > do end end)} in {x}` for k in< t > do end",
            ),
            (
                "repeat for k in t do end until x for k in 1..\"2\" do end",
                "repeat for k in< t > do end until x for k in< 1..\"2\" > do end",
            ),
        ] {
            assert_eq!(wrapped(given), expected);
        }
        assert_eq!(rewrite("\n\nlocal _ceralacca_each = 1"), Err(3));
    }

    #[test]
    fn any_bytes_are_walked_to_the_end() {
        for text in [
            "",
            "`",
            "`{",
            "`\\",
            "\"",
            "'\\",
            "[",
            "[=",
            "[=[",
            "--",
            "--[[",
            "--[==",
            "}",
            "`{}",
            "`{{",
            "1e",
            "0x",
            "1e+",
            "in",
            "do",
            "end end",
            "until",
            "else elseif then",
            "é",
            "\"é\\é",
            "`é\\é{é",
        ] {
            assert!(rewrite(text).unwrap().starts_with("do end "), "{text}");
        }
    }
}
