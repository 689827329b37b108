#include "cli/incident/doubts.hpp"

#include <algorithm>
#include <iterator>

namespace relay::cli {
namespace {

std::string_view doubt_of(IncidentVerb verb) {
    switch (verb) {
        case IncidentVerb::unblock: return " may still be blocked";
        case IncidentVerb::restore: return " may still be revoked";
        case IncidentVerb::block:
        case IncidentVerb::revoke: break;
    }
    return " may still be live";
}

}  // namespace

Error with_doubts(IncidentVerb verb, std::vector<std::string> const &subjects, Error const &error) {
    Hint hint = error.hint();
    for (std::string const &subject : hint.not_confirmed.empty() ? subjects : std::vector<std::string>()) {
        hint.not_confirmed.push_back(subject + std::string(doubt_of(verb)));
    }
    return {error.kind(), error.message(), hint};
}

Error left_in_doubt(IncidentVerb verb, std::vector<std::string> const &subjects, Error const &error) {
    Hint hint = with_doubts(verb, subjects, error).hint();
    hint.next = Advice("run the same command again until it is confirmed: repeating it is safe").also(hint.next);
    hint.why = hint.why.empty() ? "NOT CONFIRMED: " + hint.not_confirmed.front() : hint.why;
    hint.changed = Changed::unknown;
    return {error.kind(), error.message(), hint};
}

Error with_nothing_changed(Error const &error) {
    if (error.message().find("nothing was changed") != std::string::npos) {
        return error;
    }
    return {error.kind(), error.message() + "; nothing was changed", error.hint()};
}

std::vector<std::string> id_texts(std::vector<AgentId> const &agents) {
    std::vector<std::string> subjects;
    std::transform(agents.begin(), agents.end(), std::back_inserter(subjects),
                   [](AgentId const &agent) { return "agent " + agent.text(); });
    return subjects;
}

std::vector<std::string> id_texts(std::vector<DeviceId> const &devices) {
    std::vector<std::string> subjects;
    std::transform(devices.begin(), devices.end(), std::back_inserter(subjects),
                   [](DeviceId const &device) { return "device " + device.text(); });
    return subjects;
}

}  // namespace relay::cli
