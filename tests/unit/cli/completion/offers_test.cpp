#include "cli/completion/offers.hpp"

#include <doctest/doctest.h>

using namespace relay;
using namespace relay::cli;

namespace {

using Words = std::vector<std::string>;

/// The query to the database for a line, and the offers made from its one answer.
struct Asked {
    std::vector<CandidateQuery> queries{};
    std::vector<Offer> offers{};
};

Asked ask(Words const &words, Candidate const &answer = {.id = "bot"}) {
    static ProgramModel const program = describe_program(command_table());
    Asked asked;
    asked.offers = offers_for(read_typed_line(words, program), program, [&](CandidateQuery const &query) {
                       asked.queries.push_back(query);
                       return std::vector<Candidate>{answer};
                   }).words;
    return asked;
}

CandidateQuery query_of(Words const &words) {
    Asked const asked = ask(words);
    CAPTURE(words.back());
    REQUIRE(asked.queries.size() == 1);
    return asked.queries.front();
}

}  // namespace

TEST_CASE("the database is asked for ids only") {
    for (Words const &words :
         {Words{""}, Words{"--"}, Words{"agent", ""}, Words{"agent", "create", ""}, Words{"--output", ""},
          Words{"block", "--"}, Words{"block", "--until", ""}, Words{"block", "--confirm", ""}, Words{"help", ""},
          Words{"init", "--secret-file", ""}, Words{"nonsense", "block", ""}, Words{"block", "--nonsense="},
          Words{"block", "--force=x"}, Words{}}) {
        CHECK(ask(words).queries.empty());
    }
}

TEST_CASE("the place on the line and the command decide what is asked for") {
    CandidateQuery query = query_of({"block", "a", "b", "pa"});
    CHECK(query.kind == CandidateKind::agent);
    CHECK(query.wanted == IdFilter::open);
    CHECK(query.prefix == "pa");
    CHECK(query.taken == Words{"a", "b"});

    CHECK(query_of({"unblock", "--org=ac"}).kind == CandidateKind::org);
    CHECK(query_of({"unblock", "--org=ac"}).prefix == "ac");
    CHECK(query_of({"-yno", "json", "restore", ""}).wanted == IdFilter::revoked);
    CHECK(query_of({"-ojson", "restore", "--", ""}).wanted == IdFilter::revoked);
    CHECK(query_of({"agent", "rotate-key", ""}).wanted == IdFilter::live);
    CHECK(query_of({"key", "retire", ""}).kind == CandidateKind::key);
    CHECK(query_of({"block", "-", ""}).taken == Words{"-"});
}

TEST_CASE("an organization or agent on the line narrows") {
    CHECK(query_of({"key", "list", "--org", "acme", "--agent", ""}).org == "acme");
    CHECK(query_of({"key", "list", "--agent=a", "--org", ""}).agent == "a");
    CHECK(query_of({"key", "list", "--org", "acme", "--org-id", ""}).org.empty());
}

TEST_CASE("in a list after a repeated flag, the part before the last comma stays") {
    Asked const asked = ask({"revoke", "--key", "k1", "--key", "k2,k3,b"});
    REQUIRE(asked.queries.size() == 1);
    CHECK(asked.queries.front().prefix == "b");
    CHECK(asked.queries.front().taken == Words{"k1", "k2", "k3"});
    REQUIRE(asked.offers.size() == 1);
    CHECK(asked.offers.front().word == "k2,k3,bot");
}

TEST_CASE("files, folders and other programs are left to the shell") {
    auto const left = [](Words const &words) {
        ProgramModel const program = describe_program(command_table());
        return offers_for(read_typed_line(words, program), program,
                          [](CandidateQuery const &) { return std::vector<Candidate>(); });
    };
    CHECK(left({"init", "--secret-file", ""}).shell == ShellPart::files);
    CHECK(left({"init", "--secret-file=a"}).shell == ShellPart::files);
    CHECK(left({"block", "-fa"}).shell == ShellPart::files);
    CHECK(left({"org", "create", "--admin-token", ""}).shell == ShellPart::files);
    CHECK(left({"init", "--secrets-dir", ""}).shell == ShellPart::folders);
    CHECK(left({"sandbox", "run", "--", "ps"}).shell == ShellPart::program);
    CHECK(left({"sandbox", "run", "--", "psql", "-c", ""}).program_words == 2);
    for (Words const &words : {Words{""}, Words{"block", "--until", ""}, Words{"org", "list", "--output", ""}}) {
        CHECK(left(words).shell == ShellPart::nothing);
    }
}

TEST_CASE("a value right behind its short flag comes with the flag") {
    auto const words = [](Words const &line) {
        Words found;
        for (Offer const &offer : ask(line).offers) {
            found.push_back(offer.word);
        }
        return found;
    };
    CHECK(words({"org", "list", "-oj"}) == Words{"-ojson", "-ojsonl"});
    CHECK(words({"org", "list", "-yo=j"}) == Words{"-yo=json", "-yo=jsonl"});
    CHECK(words({"org", "list", "-o"}) == Words{"-o"});
    CHECK(words({"org", "list", "-yn"}).empty());
    CHECK(words({"org", "list", "--", "-oj"}).empty());
}

TEST_CASE("an answer that does not begin with what is typed is not offered") {
    CHECK(ask({"block", "x"}).offers.empty());
    CHECK(ask({"block", "bo"}).offers.size() == 1);
}

TEST_CASE("the meaning of an id is its name and what else is known") {
    auto const meaning = [](Candidate const &candidate) {
        return ask({"block", ""}, candidate).offers.front().meaning;
    };
    CHECK(meaning({.id = "a"}).empty());
    CHECK(meaning({.id = "a", .name = "Pay"}) == "Pay");
    CHECK(meaning({.id = "a", .name = "Pay", .owner = "acme"}) == "Pay (acme)");
    CHECK(meaning({.id = "a", .owner = "acme"}) == "acme");
    CHECK(meaning({.id = "a", .state = "blocked", .since = "2026-11-22"}) == "blocked since 2026-11-22");
    CHECK(meaning({.id = "a",
                   .name = "Pay",
                   .owner = "acme",
                   .state = "blocked",
                   .since = "2026-11-22",
                   .ticket = "INC-42"}) == "Pay (acme), blocked since 2026-11-22, INC-42");
}
