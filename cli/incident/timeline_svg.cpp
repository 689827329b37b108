#include "cli/incident/timeline_svg.hpp"

#include "cli/html/svg.hpp"

#include <algorithm>
#include <map>

namespace relay::cli::html {

namespace {

constexpr double width = 960;
constexpr double left = 150;
constexpr double top = 14;
constexpr double lane_height = 34;
constexpr std::size_t most_lanes = 12;
constexpr std::size_t most_label = 20;

/// "ticket", then agents, then the others
struct Lanes {
    std::vector<std::string> names{};
    std::map<std::string, std::size_t> of_agent{};
    bool others = false;

    std::size_t count() const { return names.size(); }
};

std::string agent_of(TimelineEvent const &one) { return one.event.agent_id ? one.event.agent_id->text() : ""; }

Lanes lanes_of(IncidentTimeline const &timeline) {
    std::map<std::string, std::size_t> counts;
    for (TimelineEvent const &one : timeline.events) {
        ++counts[agent_of(one)];
    }
    std::vector<std::pair<std::size_t, std::string>> order;
    for (auto const &[agent, count] : counts) {
        if (!agent.empty()) {
            order.emplace_back(count, agent);
        }
    }
    std::sort(order.begin(), order.end(), [](auto const &one, auto const &other) {
        return one.first != other.first ? one.first > other.first : one.second < other.second;
    });
    Lanes lanes{.names = {"under the ticket"}};
    for (auto const &[count, agent] : order) {
        if (lanes.count() == most_lanes) {
            lanes.others = true;
            break;
        }
        lanes.of_agent[agent] = lanes.count();
        lanes.names.push_back(agent);
    }
    if (lanes.others || counts.contains("")) {
        lanes.others = true;
        lanes.names.push_back(counts.contains("") && order.size() < most_lanes ? "no agent proven" : "others");
    }
    return lanes;
}

double middle_of(std::size_t lane) { return top + lane_height * (static_cast<double>(lane) + 0.5); }

std::string cut(std::string name) { return name.size() > most_label ? name.substr(0, most_label - 3) + "..." : name; }

Html dot(TimelineEvent const &one, double x, double y) {
    std::string words = format_instant_seconds(one.event.occurred_at) + " " + one.event.action;
    words += one.event.actor ? " by " + *one.event.actor : "";
    words += one.event.reason ? ": " + *one.event.reason : "";
    return element("circle", {{"class", "event " + kind_of(one)}, {"cx", decimal(x)}, {"cy", decimal(y)}, {"r", "5"}},
                   element("title", escape(words)));
}

}  // namespace

Html kind_of(TimelineEvent const &one) {
    if (one.under_ticket) {
        return "act";
    }
    if (one.event.outcome == Outcome::failed) {
        return "failed";
    }
    bool const is_use = one.event.action == "authenticated" || one.event.action == "legacy_authenticated" ||
                        one.event.action == "use_reported";
    return is_use ? Html("used") : Html("other");
}

Html timeline_svg(IncidentTimeline const &timeline) {
    Lanes const lanes = lanes_of(timeline);
    double const bottom = top + lane_height * static_cast<double>(lanes.count());
    TimeScale const scale{.begin = timeline.from, .end = timeline.to, .left = left, .right = width - 20};
    Html drawn;
    for (std::size_t lane = 0; lane < lanes.count(); ++lane) {
        drawn += line("grid", left, middle_of(lane), width - 20, middle_of(lane));
        drawn += label("lane", left - 12, middle_of(lane) + 4, "end", cut(lanes.names[lane]));
    }
    drawn += time_axis(scale, bottom);
    for (TimelineEvent const &one : timeline.events) {
        double const x = scale.x(one.event.occurred_at);
        if (one.under_ticket) {
            drawn += line("deadline", x, top, x, bottom);
            drawn += dot(one, x, middle_of(0));
        }
        auto const lane = lanes.of_agent.find(agent_of(one));
        if (lane != lanes.of_agent.end()) {
            drawn += dot(one, x, middle_of(lane->second));
        } else if (!one.under_ticket && lanes.others) {
            drawn += dot(one, x, middle_of(lanes.count() - 1));
        }
    }
    return element("svg",
                   {{"class", "timeline"},
                    {"viewBox", "0 0 960 " + decimal(bottom + 30)},
                    {"role", "img"},
                    {"aria-label", "the events of the incident along the time; the table below has the same events"}},
                   drawn);
}

}  // namespace relay::cli::html
