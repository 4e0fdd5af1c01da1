//! Recognises Helm templates, which are not valid YAML.

/// Whether the text contains a Helm action such as `{{ .Values.x }}`, which no annotation of a rule has. It is only
/// called for texts that are not valid YAML.
pub(super) fn is_template(text: &str) -> bool {
    let actions = text.split("{{").skip(1).filter_map(|rest| Some(rest.split_once("}}")?.0));
    let object = |action: &str, name: &str| {
        action.match_indices(name).any(|(at, _)| {
            let before = action[..at].chars().next_back();
            let part = |c: char| c.is_alphanumeric() || matches!(c, '_' | ')') || (c == '$' && !name.starts_with('.'));
            !before.is_some_and(part)
        })
    };
    let own = [
        ".Values.",
        ".Values ",
        ".Release.",
        ".Chart.",
        ".Capabilities.",
        ".Files.",
        ".Template.",
        "include \"",
        "template \"",
        "tpl ",
        "toYaml ",
        "nindent ",
    ];
    actions.into_iter().any(|action| own.iter().any(|name| object(action, name)))
}
