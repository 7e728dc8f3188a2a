//! Devices that run commands: how they come in, and what goes to them and back.

use std::time::{SystemTime, UNIX_EPOCH};

use chela_client::Identity;
use chela_protocol::{DeviceClaim, SignatureVersion};
use serde_json::{Value, json};

use crate::support::{Setup, Socket, TOKEN, TestGateway, gateway};

/// A node that offers two commands, after its hello.
async fn node(gateway: &TestGateway, identity: &Identity) -> Socket {
    let (socket, hello) = knocking(gateway, identity, &[]).await;
    assert_eq!((&hello["ok"], &hello["payload"]["auth"]["role"]), (&json!(true), &json!("node")), "{hello}");
    socket
}

/// A node's connection and what it was answered.
async fn knocking(gateway: &TestGateway, identity: &Identity, headers: &[(&'static str, &str)]) -> (Socket, Value) {
    let (mut socket, nonce) = gateway.socket_with(headers).await;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
    let signed_at_ms = i64::try_from(now).unwrap();
    let claim = DeviceClaim {
        device_id: identity.id().as_str(),
        client_id: "node-host",
        client_mode: "node",
        role: "node",
        scopes: &[],
        signed_at_ms,
        token: TOKEN,
        nonce: &nonce,
        platform: Some("linux"),
        device_family: None,
    };
    let hello = socket
        .connect(json!({
            "minProtocol": 3, "maxProtocol": 4, "role": "node", "scopes": [], "caps": ["system"],
            "commands": ["system.which", "canvas.present"], "auth": {"token": TOKEN},
            "client": {"id": "node-host", "displayName": "the shed", "version": "2026.9.6", "platform": "linux", "mode": "node"},
            "device": {"id": identity.id(), "publicKey": identity.public_key(), "nonce": nonce,
                "signature": identity.sign(&claim, SignatureVersion::V3), "signedAt": signed_at_ms},
        }))
        .await;
    (socket, hello)
}

fn invocation(identity: &Identity, command: &str) -> Value {
    json!({"nodeId": identity.id(), "command": command, "params": {"bins": ["sh"]}, "idempotencyKey": "k", "timeoutMs": 20_000})
}

#[tokio::test]
async fn a_node_is_listed_described_renamed_and_removed() {
    let gateway = gateway().await;
    let mut client = gateway.client().await;
    assert_eq!(client.call("node.list", json!({})).await["payload"]["nodes"], json!([]));
    assert_eq!(client.call("node.pair.list", json!({})).await["payload"], json!({"pending": [], "paired": []}));
    let identity = Identity::generate().unwrap();
    let mut node = node(&gateway, &identity).await;
    let rows = client.call("node.list", json!({})).await["payload"]["nodes"].clone();
    assert_eq!((&rows[0]["nodeId"], &rows[0]["displayName"]), (&json!(identity.id()), &json!("the shed")));
    assert_eq!(
        (&rows[0]["connected"], &rows[0]["commands"]),
        (&json!(true), &json!(["system.which"])),
        "what its platform is not known for is not there"
    );
    let name = json!({"nodeId": identity.id(), "displayName": "the attic"});
    assert_eq!(client.call("node.rename", name).await["ok"], true);
    let shown = client.call("node.describe", json!({"nodeId": identity.id()})).await["payload"].clone();
    assert_eq!((&shown["displayName"], &shown["paired"]), (&json!("the attic"), &json!(true)));
    let environments = client.call("environments.list", json!({})).await["payload"]["environments"].clone();
    assert_eq!((&environments[1]["type"], &environments[1]["status"]), (&json!("node"), &json!("available")));
    assert_eq!(client.call("node.pair.remove", json!({"nodeId": identity.id()})).await["ok"], true);
    assert_eq!(node.closed().await.0, chela_protocol::CloseCode::AuthChanged.as_u16());
    let gone = client.call("node.describe", json!({"nodeId": identity.id()})).await;
    assert_eq!(gone["error"]["message"], "unknown nodeId");
}

#[tokio::test]
async fn a_command_goes_to_its_node_and_the_answer_comes_back() {
    let gateway = gateway().await;
    let identity = Identity::generate().unwrap();
    let mut node = node(&gateway, &identity).await;
    let mut client = gateway.client().await;
    client
        .send(
            json!({"type": "req", "id": "i", "method": "node.invoke", "params": invocation(&identity, "system.which")}),
        )
        .await;
    let request = node.event("node.invoke.request").await["payload"].clone();
    assert_eq!((&request["command"], &request["paramsJSON"]), (&json!("system.which"), &json!("{\"bins\":[\"sh\"]}")));
    let answer =
        json!({"id": request["id"], "nodeId": identity.id(), "ok": true, "payloadJSON": "{\"sh\":\"/bin/sh\"}"});
    assert_eq!(node.call("node.invoke.result", answer.clone()).await["payload"], json!({"ok": true}));
    assert_eq!(node.call("node.invoke.result", answer).await["payload"]["ignored"], true);
    let result = client.next().await;
    assert_eq!((&result["id"], &result["payload"]["payload"]), (&json!("i"), &json!({"sh": "/bin/sh"})), "{result}");
}

#[tokio::test]
async fn a_node_that_is_away_or_does_not_offer_a_command_is_told_apart() {
    let gateway = gateway().await;
    let identity = Identity::generate().unwrap();
    let mut client = gateway.client().await;
    let away = client.call("node.invoke", invocation(&identity, "system.which")).await["error"].clone();
    assert_eq!((&away["code"], &away["message"]), (&json!("UNAVAILABLE"), &json!("node not connected")));
    assert_eq!(
        (&away["details"]["code"], &away["details"]["nodeCommandDispatched"]),
        (&json!("NOT_CONNECTED"), &json!(false))
    );
    let connected = node(&gateway, &identity).await;
    let other = client.call("node.invoke", invocation(&identity, "system.run")).await["error"].clone();
    assert_eq!(other["details"]["command"], "system.run", "{other}");
    let private = client.call("node.invoke", invocation(&identity, "system.execApprovals.set")).await["error"].clone();
    assert!(private["message"].as_str().unwrap().contains("system.execApprovals"), "{private}");
    drop(connected);
}

#[tokio::test]
async fn a_command_with_a_key_is_sent_once() {
    let gateway = gateway().await;
    let identity = Identity::generate().unwrap();
    let mut node = node(&gateway, &identity).await;
    let mut client = gateway.client().await;
    let invoke = |id: &str| json!({"type": "req", "id": id, "method": "node.invoke", "params": invocation(&identity, "system.which")});
    client.send(invoke("1")).await;
    let request = node.event("node.invoke.request").await["payload"].clone();
    client.send(invoke("2")).await;
    let answer = json!({"id": request["id"], "nodeId": identity.id(), "ok": true, "payloadJSON": "{\"sh\":1}"});
    assert_eq!(node.call("node.invoke.result", answer).await["ok"], true);
    client.send(invoke("3")).await;
    for _ in 0..3 {
        let result = client.next().await;
        assert_eq!(result["payload"]["payload"], json!({"sh": 1}), "{result}");
    }
    let mut other = invocation(&identity, "system.which");
    other["idempotencyKey"] = json!("another");
    client.send(json!({"type": "req", "id": "4", "method": "node.invoke", "params": other})).await;
    let next = node.event("node.invoke.request").await["payload"].clone();
    assert_eq!(next["idempotencyKey"], "another", "nothing was sent between the two");
}

#[tokio::test]
async fn the_owner_says_what_nodes_may_be_sent() {
    let rules = |rules: Value| Setup::default().config(json!({"gateway": {"mode": "local", "nodes": rules}}));
    for (config, command, offered) in [
        (json!({}), "canvas.present", false),
        (json!({"commands": {"allow": ["canvas.present"]}}), "canvas.present", true),
        (json!({"allowCommands": ["canvas.present"]}), "canvas.present", true),
        (json!({"denyCommands": ["system.which"]}), "system.which", false),
        (json!({"commands": {"allow": 7}}), "system.which", false),
    ] {
        let gateway = rules(config.clone()).start().await;
        let identity = Identity::generate().unwrap();
        let node = node(&gateway, &identity).await;
        let mut client = gateway.client().await;
        let rows = client.call("node.list", json!({})).await["payload"]["nodes"].clone();
        let listed = rows[0]["commands"].as_array().unwrap().contains(&json!(command));
        assert_eq!(listed, offered, "{config}: {rows}");
        if !offered {
            let refused = client.call("node.invoke", invocation(&identity, command)).await["error"].clone();
            assert_eq!(refused["details"]["reason"], "command not allowlisted", "{refused}");
        }
        drop(node);
    }
}

#[tokio::test]
async fn a_node_that_is_let_in_as_a_device_is_told_to_those_who_watch_nodes() {
    for (method, decision) in [("device.pair.approve", "approved"), ("device.pair.reject", "rejected")] {
        let config = json!({"gateway": {"mode": "local", "pairing": {"mode": "approve"}}});
        let gateway = Setup::default().config(config).start().await;
        let identity = Identity::generate().unwrap();
        let from_afar = [("x-forwarded-for", "203.0.113.9")];
        let (_socket, refused) = knocking(&gateway, &identity, &from_afar).await;
        let request = refused["error"]["details"]["requestId"].clone();
        assert!(request.is_string(), "{refused}");
        let mut client = gateway.client().await;
        client.send(json!({"type": "req", "id": "d", "method": method, "params": {"requestId": request}})).await;
        let told = client.event("node.pair.resolved").await["payload"].clone();
        assert_eq!(
            (&told["requestId"], &told["nodeId"], &told["decision"]),
            (&request, &json!(identity.id()), &json!(decision))
        );
        assert_eq!(client.event("device.pair.resolved").await["payload"]["deviceId"], json!(identity.id()));
    }
}

#[tokio::test]
async fn nodes_and_operators_keep_to_their_methods() {
    let gateway = gateway().await;
    let identity = Identity::generate().unwrap();
    let mut node = node(&gateway, &identity).await;
    assert_eq!(node.call("config.get", json!({})).await["error"]["code"], "FORBIDDEN");
    let told = node.call("node.event", json!({"event": "voice.transcript", "payloadJSON": "{}"})).await;
    assert_eq!((&told["payload"]["ok"], &told["payload"]["handled"]), (&json!(true), &json!(false)));
    let mut writer = gateway.client_with(json!(["operator.write"])).await;
    let powerful = writer.call("node.invoke", invocation(&identity, "system.which")).await;
    assert_eq!(powerful["error"]["details"]["missingScope"], "operator.admin");
    let result = json!({"id": "x", "nodeId": identity.id(), "ok": true});
    assert_eq!(writer.call("node.invoke.result", result).await["error"]["message"], "unauthorized role: operator");
}
