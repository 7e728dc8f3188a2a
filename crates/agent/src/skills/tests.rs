//! Finding, gating and listing skills, on real folders.

use std::fs;
use std::path::Path;

use chela_config::Environment;
use serde_json::json;

use super::*;
use crate::config::AgentsConfig;

struct Place {
    dir: tempfile::TempDir,
    agents: serde_json::Value,
    skills: serde_json::Value,
    environment: Environment,
}

impl Place {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let bin = dir.path().join("bin");
        fs::create_dir_all(&bin).unwrap();
        let environment = Environment::from_pairs([("PATH", bin.to_str().unwrap())]);
        let place = Self { dir, agents: json!({}), skills: json!({}), environment };
        place.program("curl");
        place
    }

    fn program(&self, name: &str) {
        use std::os::unix::fs::PermissionsExt as _;
        let path = self.dir.path().join("bin").join(name);
        fs::write(&path, "").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn skill(&self, folder: &str, text: &str) {
        let folder = self.dir.path().join(folder);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("SKILL.md"), text).unwrap();
    }

    fn load(&self) -> SkillIndex {
        let agents: AgentsConfig = serde_json::from_value(self.agents.clone()).unwrap();
        let config = serde_json::from_value(self.skills.clone()).unwrap();
        let profile = &agents.resolve(self.dir.path(), None)[0];
        SkillIndex::load(SkillSources {
            profile,
            state_dir: self.dir.path(),
            home: Some(Path::new("/nowhere")),
            config: &config,
            environment: &self.environment,
        })
    }
}

fn status<'a>(index: &'a SkillIndex, name: &str) -> &'a SkillStatus {
    index.statuses().iter().find(|status| status.name == name).unwrap()
}

#[test]
fn the_bundled_skill_is_a_file_that_can_be_read() {
    let place = Place::new();
    let index = place.load();
    let machines = status(&index, "machines");
    assert!(machines.bundled && machines.eligible && machines.model_visible);
    assert_eq!(machines.primary_env.as_deref(), Some("FLY_API_TOKEN"));
    assert!(fs::read_to_string(&machines.file_path).unwrap().contains("/wait?state=started"));
    assert!(index.prompt().contains(machines.file_path.to_str().unwrap()), "{}", index.prompt());
    assert_eq!(place.load(), index, "a second load changes nothing");
}

#[test]
fn the_workspace_wins_over_every_other_source() {
    let mut place = Place::new();
    place.skills = json!({"load": {"extraDirs": ["more"]}});
    for (folder, from) in
        [("workspace/skills/a", "workspace"), ("skills/a", "state"), ("more/a", "extra"), ("more/b", "extra")]
    {
        let name = &folder[folder.len() - 1..];
        place.skill(folder, &format!("---\nname: {name}\ndescription: from {from}\n---\n"));
    }
    place.skill("workspace/skills/machines", "---\nname: machines\ndescription: mine\n---\n");
    let index = place.load();
    let found: Vec<_> =
        index.statuses().iter().map(|skill| (skill.name.as_str(), skill.description.as_str())).collect();
    assert_eq!(found, [("a", "from workspace"), ("b", "from extra"), ("machines", "mine")]);
    assert_eq!(status(&index, "b").source, "openclaw-extra");
}

#[test]
fn what_is_missing_is_named_and_hides_the_skill() {
    let mut place = Place::new();
    place.skill(
        "skills/x",
        "---\nname: x\ndescription: d\nmetadata: {\"clawdbot\": {\"primaryEnv\": \"X_KEY\", \"os\": [\"linux\", \"darwin\"], \"requires\": {\"bins\": [\"curl\", \"nope\"], \"anyBins\": [\"a\", \"curl\"], \"env\": [\"X_KEY\", \"Y\"]}}}\n---\n",
    );
    let index = place.load();
    let needs =
        SkillNeeds { bins: vec!["nope".into()], env: vec!["X_KEY".into(), "Y".into()], ..SkillNeeds::default() };
    assert_eq!((&status(&index, "x").missing, status(&index, "x").eligible), (&needs, false));
    assert!(!index.prompt().contains("- x:"));

    place.program("nope");
    place.environment.fill([("Y", "1")]);
    place.skills = json!({"entries": {"x": {"apiKey": "k"}}});
    assert!(status(&place.load(), "x").eligible);
}

#[test]
fn the_configuration_can_switch_skills_off() {
    let mut place = Place::new();
    place.skill("skills/x", "---\nname: x\ndescription: d\n---\n");
    place.skills = json!({"entries": {"x": {"enabled": false}}, "allowBundled": []});
    let index = place.load();
    assert!(status(&index, "x").disabled && status(&index, "machines").blocked_by_allowlist);
    assert_eq!(index.prompt(), "");

    place.skills = json!({});
    place.agents = json!({"defaults": {"skills": ["x"]}});
    let index = place.load();
    assert!(status(&index, "machines").blocked_by_agent_filter);
    assert_eq!(index.prompt().lines().count(), 1);
}

#[test]
fn the_list_keeps_to_its_caps() {
    let mut place = Place::new();
    for number in 0..20 {
        place.skill(
            &format!("skills/s{number:02}"),
            &format!("---\nname: s{number:02}\ndescription: {}\n---\n", "d ".repeat(400)),
        );
    }
    place.skills = json!({"limits": {"maxSkillsInPrompt": 3}});
    let index = place.load();
    assert_eq!(index.prompt().lines().count(), 3);
    assert!(index.prompt().lines().all(|line| line.chars().count() < 500));
    assert!(!status(&index, "s05").model_visible && status(&index, "s05").eligible);
    place.skills = json!({"limits": {"maxSkillsPromptChars": 0}});
    assert_eq!(place.load().prompt(), "");
}

#[test]
fn a_place_may_have_some_skills_only() {
    let place = Place::new();
    for name in ["one", "two", "three"] {
        place.skill(&format!("skills/{name}"), &format!("---\nname: {name}\ndescription: d\n---\n"));
    }
    let index = place.load();
    assert_eq!(index.prompt_of(None), index.prompt());
    let some = index.prompt_of(Some(&["two".to_owned(), "unknown".to_owned()])).into_owned();
    assert!(some.starts_with("- two: d (") && some.lines().count() == 1, "{some}");
    assert_eq!(index.prompt_of(Some(&[])), "");
}

#[test]
fn damaged_skills_are_left_out() {
    let place = Place::new();
    place.skill("skills/headless", "# no head");
    place.skill("skills/nameless", "---\ndescription: d\n---\n");
    let index = place.load();
    let names: Vec<_> = index.statuses().iter().map(|skill| skill.name.as_str()).collect();
    assert_eq!(names, ["machines", "nameless"], "a missing name is the folder's");
}
