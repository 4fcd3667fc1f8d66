//! The text of a scenario as a tree that knows where everything stands: to say where a mistake is, and to read values from
//! the command line. It accepts a little more than RON does; what RON means is for the `ron` crate to decide.

mod tokens;

use std::ops::Range;

use serde_json::{Map, Number, Value};

pub(super) use tokens::token_at;
use tokens::{Token, tokens};

/// Deepest nesting that is followed.
const MAX_DEPTH: usize = 128;

/// Bytes from … to.
pub(super) type Span = Range<usize>;

/// A value as it is written.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Node {
    pub span: Span,
    /// The name before the parenthesis.
    name: Option<String>,
    kind: Kind,
}

#[derive(Debug, Clone, PartialEq)]
enum Kind {
    /// An identifier, a number, a duration without quotes.
    Word(String),
    /// A string.
    Text(String),
    /// `(a: 1, b: 2)`, and where the names stand.
    Fields(Vec<(String, Span, Node)>),
    /// `(1, 2)`
    Tuple(Vec<Node>),
    /// `[1, 2]`
    List(Vec<Node>),
    /// `{1: 2}`
    Map(Vec<(Node, Node)>),
}

/// Where a path leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    /// The value, or the name of the innermost field on the way that is written.
    pub span: Span,
    /// Whether the whole path is written.
    pub exact: bool,
}

/// Reads a text; `None` if it is not of the form.
pub(super) fn parse(source: &str) -> Option<Node> {
    let tokens = tokens(source);
    let mut parser = Parser { source, tokens: &tokens, next: 0 };
    parser.skip_attribute();
    let node = parser.value(0)?;
    (parser.next == tokens.len()).then_some(node)
}

impl Node {
    /// Follows a path. Names of variants may stand in it or be left out.
    pub fn find(&self, path: &[String]) -> Found {
        let mut node = self;
        let mut named = false;
        // The outermost value begins with a parenthesis; that is all there is to point at.
        let mut nearest = self.span.start..self.span.start + 1;
        for segment in path {
            if !named && node.name.as_deref() == Some(segment) {
                named = true;
                continue;
            }
            let Some((key, child)) = node.child(segment) else { return Found { span: nearest, exact: false } };
            nearest = key.unwrap_or_else(|| child.span.clone());
            // The variant's name may have been passed with the step into its only value.
            named = child.name.as_deref() == Some(segment);
            node = child;
        }
        Found { span: node.span.clone(), exact: true }
    }

    fn child(&self, segment: &str) -> Option<(Option<Span>, &Self)> {
        match &self.kind {
            Kind::Fields(fields) => fields.iter().find(|(name, ..)| name == segment).map(|(_, span, value)| (Some(span.clone()), value)),
            Kind::Map(entries) => {
                let named = |key: &Self| matches!(&key.kind, Kind::Text(text) | Kind::Word(text) if text == segment);
                entries.iter().find(|(key, _)| named(key)).map(|(key, value)| (Some(key.span.clone()), value))
            }
            Kind::List(items) => segment.parse::<usize>().ok().and_then(|index| items.get(index)).map(|item| (None, item)),
            Kind::Tuple(items) => match items.as_slice() {
                // `Some(x)`, `Crash(x)`: what is inside stands for the whole.
                [only] if only.name.as_deref() == Some(segment) => Some((None, only)),
                [Self { kind: Kind::Word(word), .. }] if word == segment => Some((None, &items[0])),
                [only] => only.child(segment).or_else(|| (segment == "0").then_some((None, only))),
                _ => segment.parse::<usize>().ok().and_then(|index| items.get(index)).map(|item| (None, item)),
            },
            Kind::Word(_) | Kind::Text(_) => None,
        }
    }

    /// As the value that `serde_json` makes of the same thing. RON alone cannot tell whether `None` is an option or a variant:
    /// `none` is what it shall be.
    pub fn to_json(&self, none: &Value) -> Value {
        let list = |items: &[Self]| Value::Array(items.iter().map(|item| item.to_json(none)).collect());
        let inner = match &self.kind {
            Kind::Word(word) if word == "None" => none.clone(),
            Kind::Word(word) => word_to_json(word),
            Kind::Text(text) => Value::String(text.clone()),
            Kind::Fields(fields) => Value::Object(fields.iter().map(|(name, _, value)| (name.clone(), value.to_json(none))).collect()),
            Kind::Map(entries) => {
                let key = |node: &Self| match &node.kind {
                    Kind::Word(text) | Kind::Text(text) => text.clone(),
                    _ => String::new(),
                };
                Value::Object(entries.iter().map(|(name, value)| (key(name), value.to_json(none))).collect())
            }
            Kind::List(items) => list(items),
            Kind::Tuple(items) => match items.as_slice() {
                [] => Value::Object(Map::new()),
                [only] => only.to_json(none),
                items => list(items),
            },
        };
        match self.name.as_deref() {
            None | Some("Some") => inner,
            Some(name) => Value::Object(Map::from_iter([(name.to_owned(), inner)])),
        }
    }
}

fn word_to_json(word: &str) -> Value {
    let plain = word.replace('_', "");
    match word {
        "true" => return Value::Bool(true),
        "false" => return Value::Bool(false),
        _ if !word.starts_with(|first: char| first.is_ascii_digit() || "+-.".contains(first)) => {}
        _ => {
            let whole = plain.parse::<u64>().map(Number::from).or_else(|_| plain.parse::<i64>().map(Number::from));
            let number = whole.ok().or_else(|| plain.parse::<f64>().ok().and_then(Number::from_f64));
            if let Some(number) = number {
                return Value::Number(number);
            }
        }
    }
    Value::String(word.to_owned())
}

struct Parser<'a> {
    source: &'a str,
    tokens: &'a [(Token, Span)],
    next: usize,
}

impl Parser<'_> {
    fn peek(&self) -> Option<Token> {
        self.tokens.get(self.next).map(|(kind, _)| *kind)
    }

    fn take(&mut self, sign: u8) -> Option<Span> {
        if self.peek() == Some(Token::Sign(sign)) { self.any() } else { None }
    }

    fn any(&mut self) -> Option<Span> {
        let (_, span) = self.tokens.get(self.next)?;
        self.next += 1;
        Some(span.clone())
    }

    /// `#![enable(…)]`
    fn skip_attribute(&mut self) {
        while self.peek() == Some(Token::Sign(b'#')) {
            while self.take(b']').is_none() {
                if self.any().is_none() {
                    return;
                }
            }
        }
    }

    fn value(&mut self, depth: usize) -> Option<Node> {
        if depth > MAX_DEPTH {
            return None;
        }
        let kind = self.peek()?;
        let span = self.any()?;
        let text = &self.source[span.clone()];
        match kind {
            Token::Text => {
                let content = ron::from_str::<String>(text).ok()?;
                Some(Node { span, name: None, kind: Kind::Text(content) })
            }
            Token::Word if self.peek() == Some(Token::Sign(b'(')) => {
                self.any();
                let (kind, end) = self.parenthesis(depth)?;
                Some(Node { span: span.start..end, name: Some(text.to_owned()), kind })
            }
            Token::Word => Some(Node { span, name: None, kind: Kind::Word(text.to_owned()) }),
            Token::Sign(b'(') => {
                let (kind, end) = self.parenthesis(depth)?;
                Some(Node { span: span.start..end, name: None, kind })
            }
            Token::Sign(b'[') => {
                let (items, end) = self.sequence(b']', |parser| parser.value(depth + 1))?;
                Some(Node { span: span.start..end, name: None, kind: Kind::List(items) })
            }
            Token::Sign(b'{') => {
                let entry = |parser: &mut Self| {
                    let key = parser.value(depth + 1)?;
                    parser.take(b':')?;
                    Some((key, parser.value(depth + 1)?))
                };
                let (entries, end) = self.sequence(b'}', entry)?;
                Some(Node { span: span.start..end, name: None, kind: Kind::Map(entries) })
            }
            Token::Sign(_) => None,
        }
    }

    /// What stands in a parenthesis that is open: fields if the first word is followed by a colon.
    fn parenthesis(&mut self, depth: usize) -> Option<(Kind, usize)> {
        let colon = self.tokens.get(self.next + 1).map(|(kind, _)| *kind) == Some(Token::Sign(b':'));
        if !colon {
            let (items, end) = self.sequence(b')', |parser| parser.value(depth + 1))?;
            return Some((Kind::Tuple(items), end));
        }
        let (fields, end) = self.sequence(b')', |parser| {
            let name = parser.any()?;
            parser.take(b':')?;
            Some((parser.source[name.clone()].to_owned(), name, parser.value(depth + 1)?))
        })?;
        Some((Kind::Fields(fields), end))
    }

    fn sequence<T>(&mut self, close: u8, mut item: impl FnMut(&mut Self) -> Option<T>) -> Option<(Vec<T>, usize)> {
        let mut items = Vec::new();
        loop {
            if let Some(end) = self.take(close) {
                return Some((items, end.end));
            }
            items.push(item(self)?);
            if self.take(b',').is_none() {
                return Some((items, self.take(close)?.end));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    const SOURCE: &str = r#"// a (comment: "with" [everything
        (nodes: 5, /* nodes: 6 /* nested */ */ groups: {"west": Range(0, 2)},
         faults: [(at: "1s", do: Crash(Random(3))), (at: "2s", do: Pause(nodes: Group("west"), for: "3s"))],
         protocols: (overlay: Degree(min_degree: 1), discovery: Some((hello_interval: "1s"))))"#;

    fn find(path: &str) -> (String, bool) {
        let path: Vec<String> = path.split('.').map(str::to_owned).collect();
        let found = parse(SOURCE).unwrap().find(&path);
        (SOURCE[found.span].to_owned(), found.exact)
    }

    #[test]
    fn paths_lead_to_what_is_written() {
        assert_eq!(find("nodes"), ("5".into(), true));
        assert_eq!(find("groups.west.Range.1"), ("2".into(), true));
        assert_eq!(find("faults.0.do.Crash.Random"), ("Random(3)".into(), true));
        assert_eq!(find("faults.1.do.Pause.nodes"), ("Group(\"west\")".into(), true));
        assert_eq!(find("faults.1.do.for"), ("\"3s\"".into(), true));
        assert_eq!(find("protocols.overlay.Degree.min_degree"), ("1".into(), true));
        assert_eq!(find("protocols.discovery.hello_interval"), ("\"1s\"".into(), true));
    }

    #[test]
    fn what_is_not_written_leads_to_the_field_around_it() {
        assert_eq!(find("protocols.overlay.Degree.max_degree"), ("overlay".into(), false));
        assert_eq!(find("network.link.loss"), ("(".into(), false));
        assert_eq!(find("faults.2.at"), ("faults".into(), false));
    }

    #[test]
    fn values_become_json() {
        let json = |text: &str| parse(text).map(|node| node.to_json(&Value::Null));
        assert_eq!(json("Independent(0.1)"), Some(json!({"Independent": 0.1})));
        assert_eq!(json("Uniform(10ms, \"5 ms\")"), Some(json!({"Uniform": ["10ms", "5 ms"]})));
        assert_eq!(json("Partition([Range(0, 5), All])"), Some(json!({"Partition": [{"Range": [0, 5]}, "All"]})));
        assert_eq!(json("(at: 1s, n: -1_000, b: true, x: None)"), Some(json!({"at": "1s", "n": -1000, "b": true, "x": null})));
        assert_eq!(json("(a: r#\"x\"y\"#, b: r#None, r: rate)"), Some(json!({"a": "x\"y", "b": null, "r": "rate"})));
        assert_eq!(json("1m 30s"), None);
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(source in "[(){}\\[\\]:,#r\"a1 /*\\\\\n]{0,80}", at in 0..100_usize) {
            if let Some(node) = parse(&source) {
                node.find(&["a".into(), "1".into()]);
                node.to_json(&Value::Null);
            }
            let span = token_at(&source, at);
            prop_assert!(span.end <= source.len());
        }
    }
}
