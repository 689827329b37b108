#include "relay/inspect/recognize.hpp"

#include "relay/inspect/recognize_sql.hpp"
#include "relay/model/ids.hpp"

namespace relay {

std::vector<Recognized> recognize(db::Settings const &settings, std::string_view text) {
    std::string_view id = text;
    for (std::string_view const prefix : {"relay_sk_", "relay_at_", "relay_dt_"}) {
        if (id.starts_with(prefix)) {
            id = id.substr(prefix.size(), KeyId::length);
        }
    }
    constexpr int most_names = 4;  // a suggestion, not a list
    db::TransactOptions options;
    options.read_only = true;
    return db::Database(settings).transact(options, [&](db::Transaction &transaction) {
        return sql::recognize(transaction, std::string(id), std::string(text), most_names);
    });
}

}  // namespace relay
