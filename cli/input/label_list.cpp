#include "cli/input/label_list.hpp"

#include "cli/input/blanks.hpp"
#include "cli/json/json.hpp"
#include "relay/model/error.hpp"

#include <algorithm>
#include <string_view>

namespace relay::cli {

std::vector<std::string> read_label_list(std::string const &text) {
    if (text.front() == '[') {
        if (auto texts = read_json_texts(text)) {
            return *std::move(texts);
        }
    } else if (text.front() == '{') {
        if (auto const object = read_json_object(text)) {
            std::vector<std::string> labels;
            for (auto const &[name, member] : *object) {
                if (member.kind != JsonMember::Kind::text) {
                    throw Error(ErrorKind::usage, "the label " + name + " is not a text");
                }
                labels.push_back(name + '=' + member.text);
            }
            return labels;
        }
    } else {
        std::vector<std::string> labels;
        for (std::size_t at = 0; at <= text.size();) {
            std::size_t const end = std::min(text.find(',', at), text.size());
            if (auto const label = trimmed(std::string_view(text).substr(at, end - at)); !label.empty()) {
                labels.emplace_back(label);
            }
            at = end + 1;
        }
        return labels;
    }
    throw Error(ErrorKind::usage, "its labels are not a JSON object or array of texts");
}

}  // namespace relay::cli
