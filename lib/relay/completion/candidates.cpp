#include "relay/completion/candidates.hpp"

#include "relay/completion/candidates_sql.hpp"

#include <algorithm>
#include <array>
#include <cctype>

namespace relay {
namespace {

constexpr std::size_t longest_id = 127;
constexpr std::size_t key_id_length = 12;

/// Stricter than holds_key, because this word is still being typed and may become a key.
bool may_hold_secret(std::string_view text) {
    std::string lower(text);
    std::transform(lower.begin(), lower.end(), lower.begin(),
                   [](unsigned char letter) { return std::tolower(letter); });
    constexpr std::array<std::string_view, 3> preambles{"relay_sk_", "relay_at_", "relay_dt_"};
    return std::any_of(preambles.begin(), preambles.end(), [&](std::string_view preamble) {
        std::size_t const at = lower.find(preamble);
        return at != std::string::npos && lower.size() > at + preamble.size() + key_id_length;
    });
}

bool may_begin_id(std::string_view text) {
    constexpr std::string_view letters = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ._-";
    return text.size() <= longest_id && text.find_first_not_of(letters) == std::string_view::npos &&
           !may_hold_secret(text);
}

bool may_be_asked(CandidateQuery const &query) {
    bool const too_long = (query.kind == CandidateKind::key || query.kind == CandidateKind::device) &&
                          query.prefix.size() > key_id_length;
    return !too_long && may_begin_id(query.prefix) && may_begin_id(query.org) && may_begin_id(query.agent);
}

}  // namespace

std::vector<Candidate> find_candidates(db::Settings const &settings, CandidateQuery const &query,
                                       std::chrono::steady_clock::time_point deadline) {
    if (!may_be_asked(query)) {
        return {};
    }
    CandidateQuery asked = query;
    std::erase_if(asked.taken, [](std::string const &word) { return !may_begin_id(word); });
    std::vector<Candidate> found = sql::find_candidates(settings, asked, deadline);
    // Candidates end up on a command line, and the database may not be trustworthy: allow only what can be an id.
    std::erase_if(found, [](Candidate const &candidate) {
        return candidate.id.empty() || candidate.id.front() == '-' || !may_begin_id(candidate.id);
    });
    return found;
}

}  // namespace relay
