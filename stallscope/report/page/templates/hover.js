(function () {
  "use strict";
  var data = JSON.parse(document.getElementById("data").textContent);
  var tip = document.getElementById("tip");
  var shown = null; // the chart whose tip is open

  function number(value) {
    var short = Math.abs(value) < 1 ? { maximumSignificantDigits: 3 } : { maximumFractionDigits: 2 };
    return value.toLocaleString("en-US", short);
  }

  function element(kind, text, look) {
    var made = document.createElement(kind);
    if (look) {
      var swatch = document.createElement("span");
      swatch.className = "swatch k-" + look;
      made.appendChild(swatch);
    }
    made.appendChild(document.createTextNode(text));
    return made;
  }

  function pair(label, value, look) {
    var row = document.createElement("div");
    row.className = "pair";
    row.appendChild(element("span", label, look));
    row.appendChild(element("span", value));
    return row;
  }

  function place(x, y) {
    tip.hidden = false;
    var width = tip.offsetWidth, height = tip.offsetHeight;
    var left = x + 16 + width > window.innerWidth ? x - width - 16 : x + 16;
    var top = y + 16 + height > window.innerHeight ? y - height - 16 : y + 16;
    tip.style.left = Math.max(4, Math.min(left, window.innerWidth - width - 4)) + "px";
    tip.style.top = Math.max(4, top) + "px";
  }

  function say(title, when, rows) {
    tip.replaceChildren(element("strong", title), element("div", when));
    rows.forEach(function (row) { tip.appendChild(row); });
  }

  // A chart of equal intervals: which interval, and what to say of it.
  function intervals(chart) {
    var count = Math.ceil((chart.end - chart.begin) / chart.every);
    return {
      length: function () { return count; },
      at: function (lane, cycle) {
        return Math.max(0, Math.min(count - 1, Math.floor((cycle - chart.begin) / chart.every)));
      },
      middle: function (lane, index) {
        var first = chart.begin + index * chart.every;
        return (first + Math.min(first + chart.every, chart.end)) / 2;
      },
      say: function (lane, index) {
        var first = chart.begin + index * chart.every;
        var last = Math.min(first + chart.every, chart.end);
        var series = chart.lanes[lane].series.filter(function (one) { return one.values[index]; });
        say(chart.lanes[lane].name, "cycles " + number(first) + " to " + number(last),
          series.map(function (one) {
            var value = number(one.values[index]) + (one.unit ? " " + one.unit : "");
            if (one.unit === "cycles") {
              value += ", " + (100 * one.values[index] / (last - first)).toFixed(1) + " %";
            }
            return pair(one.label, value, one.look);
          }));
      }
    };
  }

  // The timeline: which slice of a lane holds a cycle, and what to say of it.
  function slices(chart) {
    function column(lane, which) { return chart.lanes[lane].columns[which]; }
    function text(index) { return index === null ? "" : chart.texts[index]; }
    return {
      length: function (lane) { return column(lane, 0).length; },
      at: function (lane, cycle) {
        var starts = column(lane, 0), low = 0, high = starts.length;
        while (low < high) {
          var middle = (low + high) >> 1;
          if (starts[middle] <= cycle) { low = middle + 1; } else { high = middle; }
        }
        return Math.max(0, low - 1);
      },
      middle: function (lane, index) {
        var first = Math.max(chart.begin, column(lane, 0)[index]);
        return (first + Math.min(chart.end, column(lane, 1)[index])) / 2;
      },
      say: function (lane, index) {
        var get = function (which) { return column(lane, which)[index]; };
        var isWait = get(7) !== null, lost = get(6), tensor = text(get(4));
        var rows = [pair("step", number(get(2)))];
        if (isWait) { rows.push(pair("waits for", text(get(7)))); }
        if (tensor) { rows.push(pair("tensor", tensor)); }
        if (!isWait) {
          var unit = ["COMPUTE", "MATMUL", "MVM"].includes(chart.lanes[lane].op) ? "multiply-accumulates" : "words";
          rows.push(pair(unit, number(get(3))));
        }
        if (lost) {
          rows.push(pair(text(get(5)), number(lost) + " cycles lost", chart.looks[get(5)]));
        }
        say(chart.lanes[lane].name + ", " + (isWait ? "wait" : chart.lanes[lane].op.toLowerCase()),
          "cycles " + number(get(0)) + " to " + number(get(1)) + " (" + number(get(1) - get(0)) + ")",
          rows);
      }
    };
  }

  function setUp(root) {
    var name = root.dataset.chart, chart = data[name];
    if (!chart || !chart.lanes.length) { return; }
    var model = name === "timeline" ? slices(chart) : intervals(chart);
    var plots = Array.from(root.querySelectorAll(".plot"));
    var span = Math.max(1, chart.end - chart.begin);
    var cross = document.createElement("div");
    cross.className = "cross";
    cross.hidden = true;
    root.appendChild(cross);
    var lane = 0, index = 0;

    function hide() { cross.hidden = true; tip.hidden = true; shown = null; }

    function show(x, y) {
      if (!model.length(lane)) { hide(); return; }
      var box = plots[lane].getBoundingClientRect(), own = root.getBoundingClientRect();
      var share = (model.middle(lane, index) - chart.begin) / span;
      var at = box.left + box.width * Math.max(0, Math.min(1, share));
      if (x !== null && name === "timeline") { at = x; }
      cross.style.left = (at - own.left) + "px";
      cross.hidden = false;
      shown = hide;
      model.say(lane, index);
      place(x === null ? Math.max(0, Math.min(at, window.innerWidth)) : x, y === null ? box.top : y);
    }

    function point(event) {
      var which = plots.findIndex(function (plot) {
        var box = plot.getBoundingClientRect();
        return event.clientY >= box.top && event.clientY <= box.bottom;
      });
      var first = plots[0].getBoundingClientRect();
      if (which < 0 || event.clientX < first.left || event.clientX > first.right) { hide(); return; }
      lane = which;
      index = model.at(lane, chart.begin + span * (event.clientX - first.left) / first.width);
      show(event.clientX, event.clientY);
    }

    root.addEventListener("pointermove", point);
    root.addEventListener("pointerdown", point);
    root.addEventListener("pointerleave", function (event) {
      if (event.pointerType === "mouse") { hide(); }
    });
    root.addEventListener("blur", hide);
    root.addEventListener("keydown", function (event) {
      var steps = { ArrowLeft: -1, ArrowRight: 1, PageUp: -20, PageDown: 20 }[event.key];
      var lanes = { ArrowUp: -1, ArrowDown: 1 }[event.key];
      if (event.key === "Escape") { hide(); return; }
      if (event.key === "Home") { index = 0; steps = 0; }
      if (event.key === "End") { index = model.length(lane) - 1; steps = 0; }
      if (steps === undefined && lanes === undefined) { return; }
      event.preventDefault();
      if (lanes && model.length(lane)) {
        var cycle = model.middle(lane, index);
        lane = Math.max(0, Math.min(plots.length - 1, lane + lanes));
        index = model.at(lane, cycle);
      } else if (lanes) {
        lane = Math.max(0, Math.min(plots.length - 1, lane + lanes));
        index = 0;
      } else {
        index = Math.max(0, Math.min(model.length(lane) - 1, index + steps));
      }
      show(null, null);
    });
  }

  function setUpZoom(group) {
    var pan = document.querySelector(".pan"), chart = pan.querySelector(".chart");
    var buttons = Array.from(group.querySelectorAll("button"));
    group.hidden = false;
    buttons.forEach(function (button) {
      button.addEventListener("click", function () {
        var middle = (pan.scrollLeft + pan.clientWidth / 2) / pan.scrollWidth;
        chart.style.width = 100 * button.dataset.zoom + "%";
        pan.scrollLeft = middle * pan.scrollWidth - pan.clientWidth / 2;
        buttons.forEach(function (one) { one.setAttribute("aria-pressed", String(one === button)); });
      });
    });
  }

  document.querySelectorAll(".chart").forEach(setUp);
  document.querySelectorAll(".zoom").forEach(setUpZoom);
  window.addEventListener("scroll", function () { if (shown) { shown(); } }, { passive: true });
  window.addEventListener("beforeprint", function () {
    document.querySelectorAll("details").forEach(function (one) { one.open = true; });
  });
})();
