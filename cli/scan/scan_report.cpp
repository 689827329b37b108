#include "cli/scan/scan_report.hpp"

#include "cli/documents/fields.hpp"
#include "cli/input/input_file.hpp"
#include "cli/output/byte_count.hpp"
#include "cli/output/command_text.hpp"

#include <algorithm>
#include <functional>

namespace relay::cli {

namespace {

constexpr std::size_t most_warnings = 10;

std::vector<std::string> names_of(std::vector<scan::Encoding> const &encodings) {
    std::vector<std::string> names;
    std::transform(encodings.begin(), encodings.end(), std::back_inserter(names),
                   [](scan::Encoding one) { return std::string(scan::text_of(one)); });
    return names;
}

std::string joined(std::vector<std::string> const &words) {
    std::string text;
    for (std::string const &word : words) {
        text += (text.empty() ? "" : ", ") + word;
    }
    return text;
}

Record place_record(std::string const &file, scan::Place const &place) {
    auto const number = [](std::uint64_t value) { return Value(static_cast<std::int64_t>(value)); };
    return {
        machine_only("file", file),
        machine_only("line", place.position ? number(place.position->line) : Value()),
        machine_only("column", place.position ? number(place.position->column) : Value()),
        machine_only("offset", number(place.offset)),
        machine_only("encodings", names_of(place.encodings)),
    };
}

std::string place_text(std::string const &file, scan::Place const &place) {
    std::string text = file;
    text += place.position ? ':' + std::to_string(place.position->line) + ':' + std::to_string(place.position->column)
                           : " at byte " + std::to_string(place.offset);
    return place.encodings.empty() ? text : text + " (" + joined(names_of(place.encodings)) + ')';
}

using Visit = std::function<void(std::string const &, scan::Place const &)>;

void each_place(FileScan const &scan, KeyId const &key, Visit const &visit) {
    for (FileScan::File const &file : scan.files) {
        auto const [begin, end] = file.findings.keys.equal_range(key);
        std::for_each(begin, end, [&](auto const &found) {
            for (scan::Place const &place : found.second.places.first) {
                visit(file.name, place);
            }
        });
    }
}

void each_cut_place(FileScan const &scan, KeyId const &key, Visit const &visit) {
    for (FileScan::File const &file : scan.files) {
        if (auto const at = file.findings.cut.find(key); at != file.findings.cut.end()) {
            for (scan::Place const &place : at->second.first) {
                visit(file.name, place);
            }
        }
    }
}

Record cut_record(FileScan const &scan, KeyId const &key) {
    return {machine_only("key_id", key), machine_only("places", cut_place_records(scan, key))};
}

std::string cut_warning(FileScan const &scan, KeyId const &key, Globals const &globals) {
    return "key " + key.text() + " is cut or damaged at " + cut_place_texts(scan, key).front() +
           ", so nothing proves that it is the whole key; to revoke it: " +
           command_line(globals, {"revoke", "--key", key.text()});
}

std::string not_read_warning(NotRead const &one) {
    return one.name + " was not fully read: " + one.why + (one.next.empty() ? "" : "; next: " + one.next);
}

/// Appends the first texts, and how many there are beside them.
template <typename Items, typename ToText>
void append_first(std::vector<std::string> &warnings, Items const &items, std::string const &what,
                  ToText const &to_text) {
    for (std::size_t i = 0; i < std::min(items.size(), most_warnings); ++i) {
        warnings.push_back(to_text(items[i]));
    }
    if (items.size() > most_warnings) {
        warnings.push_back("and " + std::to_string(items.size() - most_warnings) + " more " + what +
                           ": -o json lists all of them");
    }
}

}  // namespace

std::vector<Record> place_records(FileScan const &scan, KeyId const &key) {
    std::vector<Record> records;
    each_place(scan, key, [&](std::string const &file, scan::Place const &place) {
        records.push_back(place_record(file, place));
    });
    return records;
}

std::vector<std::string> place_texts(FileScan const &scan, KeyId const &key) {
    std::vector<std::string> texts;
    each_place(scan, key,
               [&](std::string const &file, scan::Place const &place) { texts.push_back(place_text(file, place)); });
    return texts;
}

std::vector<Record> cut_place_records(FileScan const &scan, KeyId const &key) {
    std::vector<Record> records;
    each_cut_place(scan, key, [&](std::string const &file, scan::Place const &place) {
        records.push_back(place_record(file, place));
    });
    return records;
}

std::vector<std::string> cut_place_texts(FileScan const &scan, KeyId const &key) {
    std::vector<std::string> texts;
    each_cut_place(scan, key, [&](std::string const &file, scan::Place const &place) {
        texts.push_back(place_text(file, place));
    });
    return texts;
}

std::string nothing_found_text(FileScan const &scan, std::string const &path) {
    bool const sure = scan.not_read.empty() && scan.cut_ids().empty();
    return (sure ? "no API key found in " : "no whole API key found in what was read of ") + input_name(path);
}

Record scan_record(FileScan const &scan) {
    std::vector<Record> cut;
    for (KeyId const &key : scan.cut_ids()) {
        cut.push_back(cut_record(scan, key));
    }
    std::vector<Record> not_read;
    for (NotRead const &one : scan.not_read) {
        not_read.push_back(
            {machine_only("file", one.name), machine_only("why", one.why), machine_only("next", or_null(one.next))});
    }
    return {
        machine_only("files", static_cast<std::int64_t>(scan.read)),
        machine_only("bytes", static_cast<std::int64_t>(scan.bytes)),
        machine_only("encodings", names_of(scan::all_encodings())),
        machine_only("cut", std::move(cut)),
        machine_only("not_read", std::move(not_read)),
    };
}

std::string scan_text(FileScan const &scan) {
    return "read " + byte_count(static_cast<double>(scan.bytes)) +
           (scan.read == 1 ? std::string() : " in " + std::to_string(scan.read) + " files") +
           "; looked for keys in clear text and behind " + joined(names_of(scan::all_encodings()));
}

std::vector<std::string> scan_warnings(FileScan const &scan, Globals const &globals) {
    std::vector<std::string> warnings;
    if (scan.read > 0 && scan.bytes == 0) {
        warnings.push_back("there was nothing to read: did the command before the pipe fail?");
    }
    append_first(warnings, scan.cut_ids(), "cut keys",
                 [&](KeyId const &key) { return cut_warning(scan, key, globals); });
    append_first(warnings, scan.not_read, "files that were not fully read", not_read_warning);
    return warnings;
}

}  // namespace relay::cli
