//! Indents JSON text: one tab a level.
//!
//! Works on the text, not on a parsed value, so that the order of fields, numbers of any size and fields this version
//! does not know are shown exactly as they were sent. The text must be JSON; [`crate::client::answer`] has checked it.

/// The same JSON, one member a line.
pub(super) fn indented(text: &str) -> String {
    let mut out = Indenter::default();
    for character in text.chars() {
        out.take(character);
    }
    out.text
}

#[derive(Default)]
struct Indenter {
    text: String,
    depth: usize,
    in_string: bool,
    escaped: bool,
    just_opened: bool,
}

impl Indenter {
    fn take(&mut self, character: char) {
        if self.in_string {
            self.take_in_string(character);
            return;
        }
        match character {
            ' ' | '\t' | '\n' | '\r' => {}
            '}' | ']' => self.close(character),
            _ => self.take_inside(character),
        }
    }

    fn take_in_string(&mut self, character: char) {
        self.text.push(character);
        if self.escaped {
            self.escaped = false;
        } else {
            self.escaped = character == '\\';
            self.in_string = character != '"';
        }
    }

    fn take_inside(&mut self, character: char) {
        if std::mem::take(&mut self.just_opened) {
            self.new_line();
        }
        self.text.push(character);
        match character {
            '"' => self.in_string = true,
            '{' | '[' => {
                self.depth += 1;
                self.just_opened = true;
            }
            ',' => self.new_line(),
            ':' => self.text.push(' '),
            _ => {}
        }
    }

    fn close(&mut self, character: char) {
        self.depth = self.depth.saturating_sub(1);
        if !std::mem::take(&mut self.just_opened) {
            self.new_line();
        }
        self.text.push(character);
    }

    fn new_line(&mut self) {
        self.text.push('\n');
        self.text.extend(std::iter::repeat_n('\t', self.depth));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_is_a_tab_and_empty_things_stay_on_their_line() {
        let text = r#"{"z":1,"a":[{"b":null},[ ]],"e":{},"big":123456789012345678901234567890}"#;
        let expected = "{\n\t\"z\": 1,\n\t\"a\": [\n\t\t{\n\t\t\t\"b\": null\n\t\t},\n\t\t[]\n\t],\n\t\"e\": {},\n\t\"big\": \
                        123456789012345678901234567890\n}";
        assert_eq!(indented(text), expected);
    }

    #[test]
    fn what_is_in_a_string_is_left_alone() {
        let text = r#"{"a:,{}[] \" \\":"{\\\"[:, "}"#;
        assert_eq!(indented(text), "{\n\t\"a:,{}[] \\\" \\\\\": \"{\\\\\\\"[:, \"\n}");
    }

    #[test]
    fn it_is_what_the_usual_writer_makes() {
        let value = serde_json::json!({"list": [1, 2.5, true, null, "x"], "deep": {"er": {"still": []}}, "empty": {}});
        let mut usual = Vec::new();
        let tabs = serde_json::ser::PrettyFormatter::with_indent(b"\t");
        serde::Serialize::serialize(&value, &mut serde_json::Serializer::with_formatter(&mut usual, tabs)).unwrap();
        assert_eq!(indented(&value.to_string()), String::from_utf8(usual).unwrap());
        assert_eq!(
            indented(&serde_json::to_string_pretty(&value).unwrap()),
            indented(&value.to_string())
        );
    }
}
