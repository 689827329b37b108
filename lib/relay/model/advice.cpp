#include "relay/model/advice.hpp"

#include <iterator>
#include <utility>

namespace relay {

Advice::Advice() noexcept = default;
Advice::Advice(Advice const &) = default;
Advice::Advice(Advice &&) noexcept = default;
Advice &Advice::operator=(Advice const &) = default;
Advice &Advice::operator=(Advice &&) noexcept = default;
Advice::~Advice() = default;

Advice::Advice(char const *words) : Advice(std::string(words)) {}

Advice::Advice(std::string words) {
    if (!words.empty()) {
        m_steps.push_back({});
        m_steps.back().words.push_back(std::move(words));
    }
}

Advice &&Advice::also(Advice other) && {
    m_steps.insert(m_steps.end(), std::make_move_iterator(other.m_steps.begin()),
                   std::make_move_iterator(other.m_steps.end()));
    return std::move(*this);
}

Advice &&Advice::noting(std::string_view note) && {
    m_steps.back().note = note;
    return std::move(*this);
}

bool Advice::operator==(Advice const &) const = default;

Advice make_advice(Step step) {
    Advice advice;
    advice.m_steps.push_back(std::move(step));
    return advice;
}

Advice advise(Act act) { return make_advice({.kind = Step::Kind::act, .act = act}); }

Advice advise(Act act, std::string_view subject) {
    Step step{.kind = Step::Kind::act, .act = act};
    step.words.emplace_back(subject);
    return make_advice(std::move(step));
}

Advice advise(Act act, std::string_view subject, std::string_view second) {
    Step step{.kind = Step::Kind::act, .act = act};
    step.words.emplace_back(subject);
    step.words.emplace_back(second);
    return make_advice(std::move(step));
}

Advice advise(Act act, std::string_view subject, std::string_view second, std::string_view third) {
    Step step{.kind = Step::Kind::act, .act = act};
    for (std::string_view const word : {subject, second, third}) {
        step.words.emplace_back(word);
    }
    return make_advice(std::move(step));
}

Advice use_tool(std::string_view name, std::string_view first, std::string_view second) {
    Step step{.kind = Step::Kind::tool};
    for (std::string_view const word : {name, first, second}) {
        step.words.emplace_back(word);
    }
    return make_advice(std::move(step));
}

}  // namespace relay
