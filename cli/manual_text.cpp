#include "cli/manual_text.hpp"

#include <algorithm>

namespace relay::cli {

namespace {

std::string_view take_line(std::string_view &text) {
    std::string_view const line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    return line;
}

std::string_view trim(std::string_view text) {
    std::size_t const start = std::min(text.find_first_not_of(' '), text.size());
    std::size_t const end = text.find_last_not_of(' ');
    return end == text.npos ? std::string_view() : text.substr(start, end - start + 1);
}

void add_line(ManualText &manual, std::string_view line, bool after_gap) {
    bool const verbatim = line.starts_with("  ");
    if (after_gap || manual.blocks.empty() || manual.blocks.back().verbatim != verbatim) {
        manual.blocks.push_back({{}, verbatim});
    }
    std::string &text = manual.blocks.back().text;
    if (verbatim) {
        text += std::string(line) + '\n';
    } else {
        text += (text.empty() ? "" : " ") + std::string(trim(line));
    }
}

void add_example_line(ManualText &manual, std::string_view line, std::string &comment) {
    if (line.starts_with("#")) {
        comment = trim(line.substr(1));
        return;
    }
    bool const continues = !manual.examples.empty() && manual.examples.back().command.ends_with('\\');
    if (continues) {
        manual.examples.back().command += "\n    " + std::string(line);
    } else {
        manual.examples.push_back({std::move(comment), std::string(line)});
    }
    comment.clear();
}

}  // namespace

ManualText split_manual_text(std::string_view doc) {
    ManualText manual;
    bool in_examples = false;
    bool after_gap = true;
    std::string comment;
    while (!doc.empty()) {
        std::string_view const line = take_line(doc);
        if (trim(line).empty()) {
            after_gap = true;
            continue;
        }
        if (line == "EXAMPLES") {
            in_examples = true;
        } else if (in_examples) {
            add_example_line(manual, trim(line), comment);
        } else {
            add_line(manual, line, after_gap);
        }
        after_gap = false;
    }
    return manual;
}

}  // namespace relay::cli
