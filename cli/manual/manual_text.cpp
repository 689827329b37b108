#include "cli/manual/manual_text.hpp"

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

/// Returns the exit code at the start of `sentence`, "7: some ids ..." or "Exit 7: ..."; empty if there is none.
std::string_view leading_code(std::string_view sentence) {
    constexpr std::string_view word = "Exit ";
    sentence.remove_prefix(sentence.starts_with(word) ? word.size() : 0);
    std::size_t const end = sentence.find_first_not_of("0123456789");
    bool const is_code = end != sentence.npos && end > 0 && sentence.substr(end).starts_with(": ");
    return is_code ? sentence.substr(0, end) : std::string_view();
}

/// Splits the paragraph of exit codes. A sentence without a code belongs to the code before it.
std::vector<ManualText::Exit> split_exits(std::string_view text) {
    std::vector<ManualText::Exit> exits;
    while (!text.empty()) {
        std::size_t const stop = std::min(text.find(". "), text.size());
        std::string_view sentence = text.substr(0, stop);
        text.remove_prefix(std::min(stop + 2, text.size()));
        if (std::string_view const code = leading_code(sentence); !code.empty()) {
            sentence.remove_prefix(sentence.find(": ") + 2);
            exits.push_back({std::string(code), ""});
        }
        std::string &meaning = exits.back().meaning;
        meaning += (meaning.empty() ? "" : ". ") + std::string(sentence);
    }
    if (exits.back().meaning.ends_with('.')) {
        exits.back().meaning.pop_back();
    }
    return exits;
}

void take_exits(ManualText &manual) {
    auto const found = std::find_if(manual.blocks.begin(), manual.blocks.end(),
                                    [](ManualText::Block const &block) { return block.text.starts_with("Exit 0: "); });
    if (found != manual.blocks.end()) {
        manual.exits = split_exits(found->text);
        manual.blocks.erase(found);
    }
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
    take_exits(manual);
    return manual;
}

}  // namespace relay::cli
