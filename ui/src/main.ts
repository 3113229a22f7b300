import "./styles/base.css";
import "./styles/table.css";
import { mount } from "svelte";
import { applyRememberedTheme } from "$host/preferences.svelte";
import { beginToSpeak } from "$lib/language.svelte";
import App from "./app/App.svelte";

const target = document.getElementById("app");
if (!target) throw new Error("index.html has no #app");
applyRememberedTheme();
beginToSpeak();
mount(App, { target });
