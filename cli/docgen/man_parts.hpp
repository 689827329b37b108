#pragma once

#include "cli/command_line/command_model.hpp"

#include <string>
#include <string_view>
#include <vector>

/// The parts that the page of a command and the page of the program have in common; all in mdoc(7).
namespace relay::cli::docgen {

/// Returns the head of a page and its section NAME. `names`: first the page's own name, then its aliases.
std::string page_head(std::vector<std::string> const &names, std::string_view summary);

/// Returns paragraphs, tables of words and their meanings, and verbatim lines.
std::string paragraphs(std::vector<ManualText::Block> const &blocks);

/// Returns arguments and flags, then the flags with a separate heading ("Secret").
std::string option_lists(std::vector<OptionModel> const &options);

/// Returns the names of a flag or an argument with its value: `Fl o , -output Ar FORMAT`.
std::string names_and_value(OptionModel const &option, std::string_view between_names = " , ");

/// Returns a list of names and meanings. A name is the argument list of `.It`; a text is already mdoc.
struct ListItem {
    std::string name;
    std::string text;
};
/// `width`: the longest name, as plain text; if empty, long names get their own lines.
std::string tagged_list(std::vector<ListItem> const &items, std::string_view width = {});

std::string examples(std::vector<ManualText::Example> const &examples);

/// Returns `.Xr relay\-admin\-org 1 ,` lines. `pages` are names in section 1, or include the section:
/// "relay-admin-gateway(7)".
std::string cross_references(std::vector<std::string> pages);

/// Returns the text with ASCII letters in capitals.
std::string in_capitals(std::string text);

}  // namespace relay::cli::docgen
