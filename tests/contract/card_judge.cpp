// What `registry check` finds, for many cards in one process: reads a card per line, and writes its problems as a JSON list, or null
// for a line that it cannot read.

#include "relay/registry/card_judge.hpp"
#include "cli/json/json.hpp"
#include "cli/json/json_value.hpp"

#include <iostream>

int main() {
    for (std::string line; std::getline(std::cin, line);) {
        relay::cli::ReadJsonValue const read = relay::cli::read_json_value(line);
        if (!read.value) {
            std::cout << "null\n";
            continue;
        }
        std::string separator;
        std::cout << '[';
        for (std::string const &problem : relay::card_problems(*read.value)) {
            std::cout << separator << relay::cli::json_string(problem);
            separator = ",";
        }
        std::cout << "]\n";
    }
}
