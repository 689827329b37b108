#include "cli/documents/rotation.hpp"

#include "cli/documents/fields.hpp"
#include "cli/documents/new_key.hpp"
#include "cli/documents/stamp.hpp"

namespace relay::cli {

namespace {

Value previous_value(std::optional<Key> const &previous) {
    if (!previous) {
        return {};
    }
    return Record{
        {"key_id", "Key ID", previous->key_id},
        {"status", "Status", previous->status},
        {"works_until", "Works until", previous->live() ? Value(previous->expires_at) : Value()},
    };
}

Phrase describe_previous(Key const &previous, std::vector<KeyId> const &ended) {
    if (!previous.live()) {
        return {previous.key_id.text() +
                (ended.empty() ? " had already ended (" + std::string(text_of(previous.status)) + ')' : " ended now")};
    }
    if (previous.status == KeyStatus::staged) {
        return {previous.key_id.text() + " is staged, and works: the store may still take it"};
    }
    Phrase phrase{previous.key_id.text() + " works until "};
    if (previous.expires_at) {
        phrase.emplace_back(*previous.expires_at);
    } else {
        phrase.emplace_back("it is retired");
    }
    phrase.emplace_back(previous.retire_on_first_use ? ", or until the new one is first used" : "");
    return phrase;
}

Record rotation_record(RotatedKey const &rotated) {
    Record record{
        {"org_id", "Org ID", value_of(rotated.key, &Key::org_id)},
        {"agent_id", "Agent ID", value_of(rotated.key, &Key::agent_id)},
        {"key_id", "Key ID", value_of(rotated.key, &Key::key_id)},
    };
    append(record, delivery_record("API Key", rotated.changed ? rotated.delivered_to : ""));
    record.push_back({"due_at", "Due", value_of(rotated.key, &Key::due_at)});
    record.push_back({"expires_at", "Expires", value_of(rotated.key, &Key::expires_at)});
    record.push_back(machine_only("previous", previous_value(rotated.previous)));
    if (rotated.previous) {
        record.push_back(people_only("Old key", describe_previous(*rotated.previous, rotated.ended)));
    }
    record.push_back({"ended", rotated.ended.empty() ? "" : "Ended", rotated.ended});
    record.push_back({"confirmed", rotated.confirmed ? "Confirmed" : "", rotated.confirmed});
    record.push_back(machine_only("unchanged_because", or_null(rotated.unchanged_because)));
    return record;
}

}  // namespace

Document rotation_document(Context &context, RotatedKey const &rotated) {
    Document document;
    document.kind = "AgentKeyRotation";
    document.id_key = "key_id";
    stamp(document, context, rotated);
    document.data = context.globals().format == OutputFormat::env
                        ? Record{{"agent_id", "", value_of(rotated.key, &Key::agent_id)},
                                 {"key_id", "", value_of(rotated.key, &Key::key_id)},
                                 {"changed", "", rotated.changed}}
                        : rotation_record(rotated);
    return document;
}

}  // namespace relay::cli
