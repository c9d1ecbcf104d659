//! Words of a command line, as a shell would cut them: quotes and backslashes, no variables.
use super::Unreadable;

/// The words of `line`. A backslash at the end of a line joins it with the next.
pub(super) fn split(line: &str) -> Result<Vec<String>, Unreadable> {
    let (mut words, mut word, mut begun) = (Vec::new(), String::new(), false);
    let mut quote = None;
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (None, '\'' | '"') => (quote, begun) = (Some(c), true),
            (None | Some('"'), '\\') => match chars.next() {
                Some('\n') => {}
                Some(next) => {
                    word.push(next);
                    begun = true;
                }
                None => return Err(Unreadable::new("\\", "the line ends with a backslash; take it away")),
            },
            (None, c) if c.is_whitespace() => {
                if begun {
                    words.push(std::mem::take(&mut word));
                    begun = false;
                }
            }
            (_, c) => {
                word.push(c);
                begun = true;
            }
        }
    }
    if let Some(open) = quote {
        return Err(Unreadable::new(open, "a quote is opened and never closed"));
    }
    if begun {
        words.push(word);
    }
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::split;

    #[test]
    fn words_are_cut_as_a_shell_cuts_them() {
        let line = "nmap -p '22, 80' \"a\\\"b\" c\\ d \\\n e ''";
        assert_eq!(split(line).expect("good"), ["nmap", "-p", "22, 80", "a\"b", "c d", "e", ""]);
        assert!(split("nmap 'x").is_err());
        assert!(split("nmap \\").is_err());
        assert_eq!(split("  ").expect("good"), Vec::<String>::new());
    }
}
