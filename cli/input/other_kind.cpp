#include "cli/input/other_kind.hpp"

#include "cli/input/blanks.hpp"
#include "cli/input/text_decoder.hpp"
#include "relay/model/error.hpp"
#include "relay/model/text.hpp"

#include <algorithm>
#include <array>

namespace relay::cli {

namespace {

using namespace std::string_view_literals;

constexpr auto piped = "and give its output to this command, with - instead of the file";

/// A file that begins with these bytes, and the command that converts it; `{}` is the file.
struct Signature {
    std::string_view bytes;
    std::string_view what;
    std::string_view command;
};

constexpr auto to_csv = "libreoffice --headless --convert-to csv {}"sv;
constexpr auto signatures = std::to_array<Signature>({
    {"PK\x03\x04"sv, "a spreadsheet or another zip archive", to_csv},
    {"PK\x05\x06"sv, "an empty zip archive", ""},
    {"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1"sv, "a spreadsheet of an old Excel", to_csv},
    {"\x1F\x8B"sv, "compressed with gzip", "zcat {}"},
    {"BZh"sv, "compressed with bzip2", "bzcat {}"},
    {"\xFD"
     "7zXZ\0"sv,
     "compressed with xz", "xzcat {}"},
    {"\x28\xB5\x2F\xFD"sv, "compressed with zstd", "zstdcat {}"},
    {"7z\xBC\xAF\x27\x1C"sv, "a 7z archive", "7z x -so {}"},
    {"%PDF"sv, "a PDF", "pdftotext -layout {} -"},
    {"{\\rtf"sv, "a document in RTF", "libreoffice --headless --convert-to txt {}"},
    {"SQLite format 3\0"sv, "an SQLite database", "sqlite3 -csv -header {} 'SELECT * FROM TABLE'"},
    {"PGDMP"sv, "a dump of pg_dump", "pg_restore --data-only --table=TABLE --file=- {}"},
    {"PGCOPY\n\xFF"sv, "a binary COPY of PostgreSQL", ""},
    {"PAR1"sv, "a Parquet file", ""},
    {"Salted__"sv, "encrypted with openssl", ""},
    {"age-encryption.org/"sv, "encrypted with age", "age --decrypt {}"},
    {"-----BEGIN PGP MESSAGE"sv, "encrypted with PGP", "gpg --decrypt {}"},
    {"-----BEGIN AGE ENCRYPTED"sv, "encrypted with age", "age --decrypt {}"},
});

bool begins_with(std::string_view text, std::string_view words) {
    return lower_case(text.substr(0, words.size())) == words;
}

bool begins_with_any(std::string_view text, std::initializer_list<std::string_view> all) {
    return std::any_of(all.begin(), all.end(), [&](std::string_view words) { return begins_with(text, words); });
}

/// Returns whether a line only draws: `-----+-----`, `| --- | --- |`.
bool draws(std::string_view line) {
    line = trimmed(line);
    return line.size() >= 3 && line.find_first_not_of("-+|=: ") == line.npos && line.find("--") != line.npos;
}

std::optional<OtherKind> markup(std::string_view text) {
    if (begins_with_any(text, {"<!doctype html", "<html", "<table", "<head"})) {
        return OtherKind{"an HTML page", "download the table as CSV; a page instead of it often asks for a login"};
    }
    if (begins_with_any(text, {"<?xml", "<"})) {
        return OtherKind{"XML", "save it as CSV"};
    }
    bool const is_copy = begins_with(text, "copy ") && lower_case(text).find(" from stdin") != std::string::npos;
    bool const is_sql = begins_with_any(text, {"-- ", "--\n", "/*", "insert into ", "create table ", "pragma ",
                                               "begin transaction", "begin;", "set statement_timeout"});
    if (is_copy || (is_sql && text.find(';') != text.npos)) {
        return OtherKind{"SQL", "load it with psql into this database, and use --from-table SCHEMA.TABLE"};
    }
    std::string_view const first = text.substr(0, text.find('\n'));
    std::string_view const second = first.size() < text.size() ? text.substr(first.size() + 1) : std::string_view();
    if (draws(second.substr(0, second.find('\n'))) || (draws(first) && first.find('+') != first.npos)) {
        return OtherKind{"a table drawn for people",
                         "write it as CSV instead: psql --csv, or COPY ... TO STDOUT CSV HEADER"};
    }
    return std::nullopt;
}

/// A YAML list of mappings, or a document mark.
bool is_yaml(std::string_view text) {
    std::string_view const first = trimmed(text.substr(0, text.find('\n')));
    bool const has_key = first.find(": ") != first.npos || first.ends_with(':');
    return first == "---" || begins_with(first, "%yaml") || (first.starts_with("- ") && has_key) ||
           (first.ends_with(':') && first.find_first_of(",;\t|\"") == first.npos);
}

std::string filled(std::string_view command, std::string const &path) {
    std::string text(command);
    if (std::size_t const at = text.find("{}"); at != text.npos) {
        text.replace(at, 2, path == "-" ? "FILE" : path);
    }
    return text;
}

}  // namespace

std::optional<OtherKind> other_kind(std::string_view head, std::string const &path) {
    for (Signature const &signature : signatures) {
        if (head.starts_with(signature.bytes)) {
            return OtherKind{
                std::string(signature.what),
                signature.command.empty()
                    ? "export its rows as CSV"
                    : filled(signature.command, path) + (signature.command == to_csv ? "" : ", " + std::string(piped))};
        }
    }
    if (detect_encoding(head).encoding == Encoding::utf32) {
        return OtherKind{"UTF-32", filled("iconv -f UTF-32 -t UTF-8 {}, ", path) + piped};
    }
    std::string const text = decode_text(head);
    std::string_view const begun = trimmed(text);
    if (auto found = markup(begun)) {
        return found;
    }
    if (is_yaml(begun)) {
        return OtherKind{"YAML", filled("yq -o json {}, ", path) + piped};
    }
    return std::nullopt;
}

void refuse_other_kinds(std::string_view head, std::string const &path, std::string const &subject) {
    if (auto const found = other_kind(head, path)) {
        throw Error(ErrorKind::usage, subject + " is not a text of rows: it is " + found->what, {.next = found->next});
    }
}

}  // namespace relay::cli
