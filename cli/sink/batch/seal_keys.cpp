#include "cli/sink/batch/seal_keys.hpp"

#include "cli/input/input_file.hpp"
#include "cli/input/row_reader.hpp"
#include "cli/input/text_decoder.hpp"
#include "relay/model/error.hpp"
#include "relay/model/text.hpp"

namespace relay::cli {
namespace {

constexpr std::size_t longest_file = 16 * 1024 * 1024;
constexpr auto everybody = "*";

std::string take(InputRow &row, std::string const &column) {
    auto const found = row.columns.find(column);
    return found == row.columns.end() ? std::string() : std::move(found->second);
}

Error bad_row(std::string const &path, std::size_t line, std::string const &fault) {
    return Error(
        ErrorKind::usage, "--seal-keys " + input_name(path) + ", line " + std::to_string(line) + ": " + fault,
        {.next = R"(a line is {"owner":"team-a","key_id":"...","key":"..."}, or with org_id instead of owner)"});
}

SealKey read_key(std::string const &path, InputRow &row) {
    try {
        return make_seal_key(take(row, "key_id"), take(row, "key"));
    } catch (Error const &error) {
        throw bad_row(path, row.line, error.message());
    }
}

}  // namespace

SealKeys SealKeys::read(std::string const &path) {
    SealKeys keys;
    std::string const text = read_trusted(path, "--seal-keys", longest_file);
    auto const add = [&](InputRow row) {
        if (!row.fault.empty()) {
            throw bad_row(path, row.line, row.fault);
        }
        std::string const owner = take(row, "owner");
        std::string const org = take(row, "org_id");
        if (owner.empty() == org.empty()) {
            throw bad_row(path, row.line, "give either an owner or an org_id");
        }
        auto &known = owner.empty() ? keys.m_of_orgs : keys.m_of_owners;
        std::string const name = owner.empty() ? org : owner;
        if (!known.emplace(name, read_key(path, row)).second) {
            throw bad_row(path, row.line, "a second key for " + quote_for_message(name));
        }
    };
    std::string const decoded_text = decode_text(text);
    TextSource source = TextSource::of(decoded_text);
    read_rows(source, input_name(path), {}, {"owner", "org_id", "key_id", "key"}, "key", add);
    if (keys.m_of_owners.empty() && keys.m_of_orgs.empty()) {
        throw bad_row(path, 1, "the file has no key");
    }
    return keys;
}

SealKey const *SealKeys::find(std::optional<std::string> const &owner, std::string const &org) const {
    if (auto const found = owner ? m_of_owners.find(*owner) : m_of_owners.end(); found != m_of_owners.end()) {
        return &found->second;
    }
    if (auto const found = m_of_orgs.find(org); found != m_of_orgs.end()) {
        return &found->second;
    }
    auto const found = m_of_owners.find(everybody);
    return found == m_of_owners.end() ? nullptr : &found->second;
}

}  // namespace relay::cli
