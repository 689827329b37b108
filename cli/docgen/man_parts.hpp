#pragma once

#include "cli/command_line/command_model.hpp"

#include <string>
#include <string_view>
#include <vector>

/// What the page of a command and the page of the program have in common; all in mdoc(7).
namespace relay::cli::docgen {

/// The head of a page and its section NAME. `names`: first the page's own name, then those of other spellings.
std::string page_head(std::vector<std::string> const &names, std::string_view summary);

/// Paragraphs, tables of words with their meaning, and lines that are kept as they are.
std::string paragraphs(std::vector<ManualText::Block> const &blocks);

/// Arguments and flags, then under their headings the flags that have one of their own ("Secret").
std::string option_lists(std::vector<OptionModel> const &options);

/// `Fl o , -output Ar FORMAT`, the names of a flag or an argument with its value.
std::string names_and_value(OptionModel const &option, std::string_view between_names = " , ");

/// A list of names and what they mean; a name is the argument list of `.It`, a text is mdoc already.
struct ListItem {
    std::string name;
    std::string text;
};
/// `width`: the longest name, as plain text; empty: names stand on lines of their own where they are long.
std::string tagged_list(std::vector<ListItem> const &items, std::string_view width = {});

std::string examples(std::vector<ManualText::Example> const &examples);

/// `.Xr relay\-admin\-org 1 ,` lines; `pages` are names of section 1, or say theirs: "relay-admin-gateway(7)".
std::string cross_references(std::vector<std::string> pages);

/// ASCII letters in capitals.
std::string in_capitals(std::string text);

}  // namespace relay::cli::docgen
