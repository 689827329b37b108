#include "cli/sink/format.hpp"

#include "cli/sink/k8s.hpp"
#include "sink_fixture.hpp"
#include "tests/unit/advice_words.hpp"

#include <sodium.h>
#include <nlohmann/json.hpp>

using namespace relay;
using namespace relay::cli;
using namespace relay::cli::sink_tests;

namespace {

std::string render(Rendering const &rendering, NewKey const &issued, Medium medium = Medium::program) {
    return std::string(render_secret(rendering, issued, medium).reveal());
}

std::string base64(std::string_view bytes) { return std::string(base64_secret(bytes).reveal()); }

}  // namespace

TEST_CASE("raw is the key alone, with a newline only on a terminal") {
    Issued const issued;
    CHECK(render({}, issued.for_agent()) == issued.text());
    CHECK(render({}, issued.for_agent(), Medium::terminal) == issued.text() + "\n");
    CHECK(render({}, issued.for_agent(), Medium::labelled_terminal) == "API Key:   " + issued.text() + "\n");
    CHECK(render({}, issued.for_org(), Medium::labelled_terminal) ==
          "Admin Token: " + std::string(issued.token.reveal()) + "\n");
}

TEST_CASE("env needs no quoting and takes a prefix") {
    Issued const issued;
    CHECK(render({.format = SecretFormat::env}, issued.for_agent()) ==
          "RELAY_AGENT_ID=payment_bot\nRELAY_ORG_ID=acme-corp\nRELAY_API_KEY=" + issued.text() + "\n");
    CHECK(render({.format = SecretFormat::env, .env_prefix = "X_"}, issued.for_org()) ==
          "X_ORG_ID=acme-corp\nX_ADMIN_TOKEN=" + std::string(issued.token.reveal()) + "\n");
}

TEST_CASE("json is one object on one line") {
    Issued const issued;
    auto const text = render({.format = SecretFormat::json}, issued.for_agent());
    CHECK(text.find('\n') == text.size() - 1);
    CHECK(nlohmann::json::parse(text) == nlohmann::json{{"agent_id", "payment_bot"},
                                                        {"org_id", "acme-corp"},
                                                        {"key_id", issued.key.id().text()},
                                                        {"api_key", issued.text()}});
    CHECK(nlohmann::json::parse(render({.format = SecretFormat::json}, issued.for_org())) ==
          nlohmann::json{{"org_id", "acme-corp"},
                         {"key_id", issued.token.id().text()},
                         {"admin_token", std::string(issued.token.reveal())}});
}

TEST_CASE("k8s is one Secret, the same bytes each time") {
    Issued const issued;
    Rendering rendering{.format = SecretFormat::k8s};
    auto const expected =
        "apiVersion: v1\nkind: Secret\nmetadata:\n  name: \"payment-bot\"\n  labels:\n"
        "    app.kubernetes.io/managed-by: relay-admin\ntype: Opaque\ndata:\n"
        "  RELAY_AGENT_ID: \"" +
        base64("payment_bot") + "\"\n  RELAY_ORG_ID: \"" + base64("acme-corp") + "\"\n  RELAY_API_KEY: \"" +
        base64(issued.text()) + "\"\n";
    CHECK(render(rendering, issued.for_agent()) == expected);
    CHECK(render(rendering, issued.for_agent()) == expected);
    CHECK(contains(render(rendering, issued.for_org()), "name: \"acme-corp-admin\"\n"));
    rendering.k8s_name = "mine";
    rendering.k8s_namespace = "prod";
    CHECK(contains(render(rendering, issued.for_agent()), "  name: \"mine\"\n  namespace: \"prod\"\n  labels:"));
}

TEST_CASE("an id that is not a Kubernetes name needs one") {
    CHECK(k8s_name_for("Agent_7.Bot_") == "agent-7.bot");
    for (auto const *id : {"_bot", ".bot", "a..b", "___"}) {
        CHECK(contains(words_of(error_of(ErrorKind::usage, [&] { k8s_name_for(id); }).hint().next), "--k8s-name"));
    }
    CHECK(is_k8s_name("a.b-c.9"));
    CHECK_FALSE(is_k8s_name(""));
    CHECK_FALSE(is_k8s_name("-a"));
    CHECK_FALSE(is_k8s_name("A"));
    CHECK_FALSE(is_k8s_name(std::string(254, 'a')));
    CHECK(is_k8s_namespace(std::string(63, 'a')));
    CHECK_FALSE(is_k8s_namespace(std::string(64, 'a')));
    CHECK_FALSE(is_k8s_namespace("a.b"));
}

TEST_CASE("sealed opens with the private half, and holds exactly two members") {
    start_crypto();
    SealingKey key;
    std::array<unsigned char, crypto_box_SECRETKEYBYTES> secret_half{};
    crypto_box_keypair(key.bytes.data(), secret_half.data());
    Issued const issued;
    auto const text =
        render({.format = SecretFormat::sealed, .seal_key = SealKey{.key = key, .key_id = "5682"}}, issued.for_agent());
    CHECK_FALSE(contains(text, issued.text()));
    auto const document = nlohmann::json::parse(text);
    CHECK(document.size() == 2);
    CHECK(document.at("key_id") == "5682");
    auto const encoded = document.at("encrypted_value").get<std::string>();
    std::vector<unsigned char> box(encoded.size());
    std::size_t size = 0;
    REQUIRE(sodium_base642bin(box.data(), box.size(), encoded.data(), encoded.size(), nullptr, &size, nullptr,
                              sodium_base64_VARIANT_ORIGINAL) == 0);
    std::string opened(size - crypto_box_SEALBYTES, '\0');
    REQUIRE(crypto_box_seal_open(reinterpret_cast<unsigned char *>(opened.data()), box.data(), size, key.bytes.data(),
                                 secret_half.data()) == 0);
    CHECK(opened == issued.text());
}

TEST_CASE("the content that a killed run left is recognized by its beginning") {
    Issued const issued;
    SealingKey seal_to;
    std::array<unsigned char, crypto_box_SECRETKEYBYTES> secret_half{};
    crypto_box_keypair(seal_to.bytes.data(), secret_half.data());
    for (auto const format :
         {SecretFormat::raw, SecretFormat::env, SecretFormat::json, SecretFormat::k8s, SecretFormat::sealed}) {
        Rendering const rendering{
            .format = format, .env_prefix = "MY_", .seal_key = SealKey{.key = seal_to, .key_id = "1"}};
        CHECK(may_be_rendered(render(rendering, issued.for_agent())));
        CHECK(may_be_rendered(render(rendering, issued.for_org())));
    }
    CHECK(may_be_rendered(""));
    for (auto const *other : {"hunter2", "notes\n", "{}", "A=b", "relay_sk_ and more", "apiVersion: v1\nkind: Pod\n",
                              "# RELAY_AGENT_ID=x"}) {
        CHECK_FALSE(may_be_rendered(other));
    }
}

TEST_CASE("formats are read by name, with a suggestion") {
    CHECK(parse_secret_format("k8s") == SecretFormat::k8s);
    CHECK(extension_of(SecretFormat::sealed) == "sealed.json");
    CHECK(extension_of(SecretFormat::raw) == "key");
    auto const error = error_of(ErrorKind::usage, [] { parse_secret_format("jsno"); });
    CHECK(error.hint().suggestions == std::vector<std::string>{"json"});
}
