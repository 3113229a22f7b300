import "../styles/base.css";
import "../styles/table.css";
import { mount } from "svelte";
import Gallery from "./Gallery.svelte";

/** Every component in every state: for tests and for those who build pages. Never in the product. */
const theme = new URLSearchParams(location.search).get("theme");
if (theme) document.documentElement.dataset.theme = theme;
const target = document.getElementById("app");
if (!target) throw new Error("gallery.html has no #app");
mount(Gallery, { target });
