#include "relay/inspect/recognize.hpp"

#include "relay/inspect/recognize_sql.hpp"
#include "relay/model/ids.hpp"

namespace relay {

std::string without_prefix(std::string_view text) {
    for (std::string_view const prefix : {"relay_sk_", "relay_at_", "relay_dt_"}) {
        if (text.starts_with(prefix)) {
            return std::string(text.substr(prefix.size(), KeyId::length));
        }
    }
    return std::string(text);
}

std::vector<Recognized> recognize(db::Settings const &settings, std::string_view text) {
    return recognize_each(settings, {std::string(text)}).front();
}

std::vector<std::vector<Recognized>> recognize_each(db::Settings const &settings,
                                                    std::vector<std::string> const &texts) {
    constexpr int most_names = 4;  // a suggestion, not a list
    db::TransactOptions options;
    options.read_only = true;
    return db::Database(settings).transact(options, [&](db::Transaction &transaction) {
        std::vector<std::vector<Recognized>> found;
        for (std::string const &text : texts) {
            found.push_back(sql::recognize(transaction, without_prefix(text), text, most_names));
        }
        return found;
    });
}

}  // namespace relay
