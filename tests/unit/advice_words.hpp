#pragma once

#include "relay/model/advice.hpp"

#include <string>

namespace relay {

/// Returns all words of an advice: sentences, subjects, words of commands.
inline std::string words_of(Advice const &advice) {
    std::string text;
    for (Step const &step : advice.steps()) {
        for (std::string const &word : step.words) {
            text += (text.empty() ? "" : " ") + word;
        }
    }
    return text;
}

}  // namespace relay
